import{l as o}from"./part-VX6AHVAI.js";var e=o(null);export{e as a};
