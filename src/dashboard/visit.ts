/** One request of a person who may see the dashboard: what the pages and the actions work with. */
import type { Ports } from "../ports/ports.ts";
import type { RegisteredProcess, StoreFinding, StoreStatistics } from "../store/contract.ts";
import type { Access } from "./access.ts";
import type { Audit } from "./audit.ts";
import type { Figures, Span } from "./figures.ts";
import type { DashboardStore } from "./options.ts";

/** How the tasks and processes stand, read at most once a second for all who look. */
export interface Standing {
  /** The database's clock. */
  readonly now: Date;
  readonly statistics: StoreStatistics;
  readonly processes: readonly RegisteredProcess[];
  readonly findings: readonly StoreFinding[];
}

/** A request that was let in. */
export interface Visit {
  readonly store: DashboardStore;
  readonly ports: Ports;
  readonly access: Access;
  readonly audit: Audit;
  /** Who it is, as `authorize` named them. */
  readonly actor: string;
  /** Whether the person may see figures over all tasks. */
  readonly surveys: boolean;
  /** What the forms of this person carry. */
  readonly token: string;
  readonly basePath: string;
  readonly url: URL;
  standing(): Promise<Standing>;
  figures(span: Span, type?: string): Promise<Figures>;
}

/** A link to a page of ours, with what it is about. */
export function linkTo(
  { basePath }: Pick<Visit, "basePath">,
  page: string,
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, value);
  }
  return `${basePath}/${page}${search.size === 0 ? "" : `?${search.toString()}`}`;
}
