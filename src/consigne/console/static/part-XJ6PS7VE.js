import{l as o}from"./part-QAUAYGRP.js";var e=o(null);export{e as a};
