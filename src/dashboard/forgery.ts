/** Whether a form was sent by a page of ours, and by the person it was shown to. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { Refusal } from "./refusal.ts";

/** How long a token is good, at least; at most twice as long. */
const TOKEN_MS = 12 * 3_600_000;

const HTTPS =
  "Serve the dashboard over https, or open it on localhost: only there do browsers say where a form comes from.";

/** Throws Refusal unless the browser says that the request comes from a page of this origin. */
export function checkOrigin(request: Request, url: URL): void {
  const site = request.headers.get("sec-fetch-site");
  if (site === "same-origin") return;
  // A browser that does not say so names the origin; behind a proxy the scheme may be another than we see.
  const origin = request.headers.get("origin");
  if (site === null && origin !== null && origin !== "null" && hostOf(origin) === url.host) return;
  throw new Refusal(
    403,
    "Not from this page",
    "This request does not come from a page of the dashboard.",
    HTTPS,
  );
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

/** Tokens of forms, bound to the person and to a span of time. */
export class FormTokens {
  readonly #secret: string | Uint8Array;
  readonly #wallMs: () => number;

  constructor(secret: string | Uint8Array, wallMs: () => number) {
    this.#secret = secret;
    this.#wallMs = wallMs;
  }

  /** The token of a person, now. */
  of(actor: string): string {
    return this.#sign(actor, this.#span());
  }

  /** Throws Refusal unless the token was given to this person, not too long ago. */
  check(token: string, actor: string): void {
    const span = this.#span();
    if ([span, span - 1].some((one) => isSame(token, this.#sign(actor, one)))) return;
    throw new Refusal(
      403,
      "This form is too old",
      "It was shown longer ago than a form is good for, to somebody else, or by another process.",
      "Load the page again and send it once more. Several processes behind one address need one secret.",
    );
  }

  #span(): number {
    return Math.floor(this.#wallMs() / TOKEN_MS);
  }

  #sign(actor: string, span: number): string {
    return createHmac("sha256", this.#secret).update(`owed-form\n${span}\n${actor}`).digest("base64url");
  }
}

function isSame(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}
