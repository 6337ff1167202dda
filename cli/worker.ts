import { loadConfig } from '../config/load.js';
import { secretValues } from '../config/secrets.js';
import { createLog } from '../worker/logger.js';
import { scrubber } from '../worker/scrub.js';
import { startWorkers } from '../worker/start.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import { starting, type Terminal } from './terminal.js';

/** Works until Ctrl-C or SIGTERM; steps at work may finish. */
export async function worker(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  const config = loadConfig({ file: options.config });
  const log = createLog(scrubber(secretValues(config)));
  const workers = await starting(() => startWorkers(config, log, terminal.signal));
  if (terminal.signal.aborted) workers.shutdown();
  else terminal.signal.addEventListener('abort', () => workers.shutdown(), { once: true });
  await workers.done;
  return EXIT.done;
}
