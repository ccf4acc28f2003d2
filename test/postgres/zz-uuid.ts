import { randomBytes } from "node:crypto";
export function uuidLike(i: number): string { const t = (1790000000000 + i).toString(16).padStart(12, "0"); const r = randomBytes(10).toString("hex"); return `${t.slice(0,8)}-${t.slice(8)}-7${r.slice(0,3)}-8${r.slice(3,6)}-${r.slice(6,18)}`; }
