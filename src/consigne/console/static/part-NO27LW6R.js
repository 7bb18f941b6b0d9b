import{E as i,y as e}from"./part-MDBHLTX2.js";function l(){return e(i,{whole:!0,icon:"files",title:"Files"})}export{l as default};
