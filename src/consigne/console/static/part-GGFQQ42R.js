import{l as o}from"./part-7WH47HFY.js";var e=o(null);export{e as a};
