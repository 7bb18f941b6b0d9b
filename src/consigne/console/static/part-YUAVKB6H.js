import{l as o}from"./part-WIRGR3QO.js";var e=o(null);export{e as a};
