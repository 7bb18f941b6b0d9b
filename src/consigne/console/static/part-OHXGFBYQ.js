import{l as o}from"./part-2OALFGSZ.js";var e=o(null);export{e as a};
