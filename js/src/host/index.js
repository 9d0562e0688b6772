// The page of an exported widget brings it to life, in its place. One file: no kernel, no server, no net.

import { fromFile } from "./file.js";
import { PageModel } from "./model.js";

const contents = JSON.parse(document.getElementById("tokenwidgets")?.textContent ?? "");
const url = URL.createObjectURL(new Blob([contents.module], { type: "text/javascript" }));
const { default: widget } = await import(url);
URL.revokeObjectURL(url);
widget().initialize({ model: new PageModel(contents.traits, fromFile(contents)), signal: new AbortController().signal });
