// Bundles each widget, src/<name>/index.js and src/<name>/<name>.css, to one ESM file and one style sheet of its name; and each part
// that a page loads only when it is needed, src/assets/<name>.js, to one file in assets/.
// One file each: a widget's module is evaluated from a Blob URL, where relative imports do not work.
import { existsSync, readdirSync } from "node:fs";
import { build } from "esbuild";

const widgets = readdirSync("src").filter((name) => existsSync(`src/${name}/index.js`));
const assets = readdirSync("src/assets").map((file) => file.replace(/\.js$/, ""));

await build({
  entryPoints: [
    ...widgets.flatMap((name) => [
      { in: `src/${name}/index.js`, out: name },
      { in: `src/${name}/${name}.css`, out: name },
    ]),
    ...assets.map((name) => ({ in: `src/assets/${name}.js`, out: `assets/${name}` })),
  ],
  outdir: "../tokenwidgets/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"', "define.amd": "false" },
  logLevel: "info",
});
