// `npm run peers`: owed and its peers under the same faults.
import { runBenchProgram } from "./bench-program.mjs";

runBenchProgram("bench/faults/main.ts");
