/** What a command may ask of the place it runs in. The real one stands in process-terminal.ts. */
import type { Ports } from "../ports/ports.ts";

/** A terminal, or a pipe. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Width in characters as it is now; null when the output is no terminal and need not be cut. */
  readonly columns: number | null;
  /** Height in lines as it is now; null when the output is no terminal. */
  readonly rows: number | null;
  /** True when the output is read by a person. */
  readonly isInteractive: boolean;
  /** True when messages beside the output are read by a person, so that a progress bar may overwrite itself. */
  readonly showsProgress: boolean;
  /** True when a question can be answered. */
  readonly canAsk: boolean;
  /** Aborted by Ctrl-C, and when whoever reads the output has stopped reading. */
  readonly interrupted: AbortSignal;
  readonly ports: Ports;
  /** Writes to the output. */
  write(text: string): void;
  /** Writes beside the output. */
  writeAside(text: string): void;
  /** Asks a question; the answer is a line, or null when there is none (Ctrl-D). Rejects when it is interrupted. */
  ask(question: string): Promise<string | null>;
  /** Calls back when the process is asked to end, for each time. Answers how to stop listening. */
  onStop(callback: () => void): () => void;
}
