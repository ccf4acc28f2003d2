/** Waiting that ends at once when a person has had enough. */
import type { Terminal } from "./terminal.ts";

/** Waits for `work`, and rejects with an AbortError as soon as the terminal is interrupted. `work` itself goes on. */
export async function unlessInterrupted<Value>(
  { interrupted }: Terminal,
  work: Promise<Value>,
): Promise<Value> {
  interrupted.throwIfAborted();
  let leave: () => void = () => undefined;
  const interruption = new Promise<never>((_resolve, reject) => {
    leave = () => reject(interrupted.reason);
    interrupted.addEventListener("abort", leave);
  });
  try {
    return await Promise.race([work, interruption]);
  } finally {
    interrupted.removeEventListener("abort", leave);
  }
}

/** Waits for a time, or until the terminal is interrupted. Never rejects. */
export async function pause(terminal: Terminal, delayMs: number): Promise<void> {
  let timer: { cancel(): void } | undefined;
  const over = new Promise<void>((resolve) => {
    timer = terminal.ports.timers.after(delayMs, resolve);
  });
  await unlessInterrupted(terminal, over).catch(() => undefined);
  timer?.cancel();
}
