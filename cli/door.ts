import { connectTemporal, holdfastClient, type HoldfastClient } from '../client/index.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';

/** Milliseconds: somebody is waiting for the answer. */
const SERVER_DEADLINE = 3_000;

/** Opens configuration and client for one command, and closes the client whatever happens. */
export async function withClient<T>(
  options: { readonly config?: string },
  use: (client: HoldfastClient, config: Config) => Promise<T>,
): Promise<T> {
  const config = loadConfig({ file: options.config });
  const client = holdfastClient({
    client: connectTemporal(config.temporal, 'cli'),
    config,
    serverDeadline: SERVER_DEADLINE,
  });
  try {
    return await use(client, config);
  } finally {
    await client.close();
  }
}
