// `npm run bench`: how fast owed and its peers are. The library is measured as it is built, so it is built first.
import "./build.mjs";
import { runBenchProgram } from "./bench-program.mjs";

runBenchProgram("bench/speed/main.ts");
