import "./style/console.css";
import "./core/theme";
import { render } from "preact";
import { App } from "./app";
import { whoAmI } from "./core/api";

render(<App />, document.getElementById("app")!);
whoAmI().catch(() => setTimeout(() => location.reload(), 3000));
