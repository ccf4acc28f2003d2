// The web process: Next.js with route handlers alone.
import type { NextConfig } from "next";

const config: NextConfig = {
  // They load what they need at run time, so they are not bundled.
  serverExternalPackages: ["owed", "pg"],
};

export default config;
