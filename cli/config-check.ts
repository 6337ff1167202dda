import { loadConfig } from '../config/load.js';
import { formatDuration } from '../config/duration.js';
import { jsonSchema } from '../config/schema.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import type { Terminal } from './terminal.js';

/** A configuration that is wrong is told by the caller, like every other error: exit code 78. */
export async function configCheck(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  const config = loadConfig({ file: options.config });
  if (options.json === true) {
    terminal.write(
      JSON.stringify({
        file: config.file,
        digest: config.digest,
        clusters: Object.keys(config.clusters),
        jobs: Object.keys(config.jobs),
      }),
    );
    return EXIT.done;
  }
  terminal.write(`${config.file}: good`);
  for (const [name, { cluster, policy }] of Object.entries(config.jobs)) {
    const attempts = policy.attempts === null ? 'unlimited attempts' : `${policy.attempts} attempts`;
    terminal.write(
      `  ${name} on ${cluster}: ${attempts} within ${formatDuration(policy.deadline)}, older points: ${policy.fallback}`,
    );
  }
  return EXIT.done;
}

export async function configSchema(terminal: Terminal): Promise<ExitCode> {
  terminal.write(JSON.stringify(jsonSchema(), null, 2));
  return EXIT.done;
}
