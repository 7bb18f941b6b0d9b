import{l as o}from"./part-LQG6KNWN.js";var e=o(null);export{e as a};
