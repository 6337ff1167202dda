/** A worker as a process of its own: `node dist/worker/main.js [--config FILE]`. */
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '../config/load.js';
import { secretValues } from '../config/secrets.js';
import { createLog } from './logger.js';
import { scrubber } from './scrub.js';
import { startWorkers } from './start.js';

/** 78: the configuration is wrong (sysexits' EX_CONFIG). */
const WRONG_CONFIG = 78;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const config = loadConfig({ file: values.config });
  const log = createLog(scrubber(secretValues(config)));
  const stop = new AbortController();
  const end = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'shutting down: steps at work may finish');
    stop.abort();
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const workers = await startWorkers(config, log, stop.signal);
  if (stop.signal.aborted) workers.shutdown();
  else stop.signal.addEventListener('abort', () => workers.shutdown(), { once: true });
  await workers.done;
  return 0;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ConfigError ? WRONG_CONFIG : 1);
}
