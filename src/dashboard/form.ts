/** Forms as browsers send them: read up to a bound, and nothing of another kind. */
import { InvalidInputError } from "../errors.ts";
import { checkTaskId } from "../task/identifier.ts";
import { badRequest, Refusal } from "./refusal.ts";

/** Bytes of a form, at most. */
const LARGEST_FORM = 65_536;

/** What a person saw of a task when deciding about it. */
export interface SeenTask {
  readonly taskId: string;
  readonly generation: number;
}

/** Reads a form. Throws Refusal. */
export async function readForm(request: Request): Promise<URLSearchParams> {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(contentType)) {
    throw new Refusal(415, "Not a form", "Only application/x-www-form-urlencoded is read here.");
  }
  const length = Number(request.headers.get("content-length") ?? 0);
  if (length > LARGEST_FORM) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > LARGEST_FORM) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new URLSearchParams(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw badRequest("The form is not UTF-8.");
  }
}

function tooLarge(): Refusal {
  return new Refusal(413, "Too large", `A form has at most ${LARGEST_FORM} bytes.`, "Select fewer tasks.");
}

/** A task and its generation, as a value of a form. */
export function seenValue({ taskId, generation }: SeenTask): string {
  return `${generation}.${Buffer.from(taskId, "utf8").toString("base64url")}`;
}

/** Reads such a value. Throws Refusal. */
export function readSeen(value: string): SeenTask {
  const [, generation, id] = /^([1-9]\d{0,9})\.([\w-]{1,700})$/.exec(value) ?? [];
  if (generation === undefined || id === undefined) throw badRequest("A task of the form cannot be read.");
  try {
    return {
      generation: Number(generation),
      taskId: checkTaskId(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(id, "base64url"))),
    };
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof TypeError) {
      throw badRequest("A task of the form cannot be read.");
    }
    throw error;
  }
}
