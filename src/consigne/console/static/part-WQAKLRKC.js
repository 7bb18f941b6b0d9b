import{l as o}from"./part-4A5CVYRC.js";var e=o(null);export{e as a};
