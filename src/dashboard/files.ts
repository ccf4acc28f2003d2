/** The files a page asks for, each under a name that changes with its text. */
import { createHash } from "node:crypto";
import { icon } from "./icon.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

/** A file. */
export interface PageFile {
  readonly name: string;
  readonly text: string;
  readonly contentType: string;
}

function fileOf(text: string, extension: string, contentType: string): PageFile {
  const version = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { name: `files/${version}.${extension}`, text, contentType };
}

/** How it looks. */
export const styleFile: PageFile = fileOf(style, "css", "text/css; charset=utf-8");
/** What makes it live. */
export const scriptFile: PageFile = fileOf(script, "js", "text/javascript; charset=utf-8");
/** What stands in the tab. */
export const iconFile: PageFile = fileOf(icon, "svg", "image/svg+xml");

/** All of them, by name; no path of the machine is ever looked at. */
export const pageFiles: ReadonlyMap<string, PageFile> = new Map(
  [styleFile, scriptFile, iconFile].map((file) => [file.name, file]),
);
