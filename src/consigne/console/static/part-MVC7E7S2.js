import{l as o}from"./part-WADPGS6Y.js";var e=o(null);export{e as a};
