import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Call } from '../adapters/ports.js';
import type { LaunchConfig } from '../config/config.js';
import { failure } from '../domain/failure.js';
import { FROM_STATE } from '../domain/launch-command.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { shownRun, type Launcher, type Launching } from './launcher.js';

/** Through Flink's REST API, the jar uploaded by digest; Flink itself refuses an id that it already has. */
export function launchByJar(
  deps: Deps,
  it: ConfiguredJob,
  launch: Extract<LaunchConfig, { kind: 'jar' }>,
  { run, point, kafkaFrom = FROM_STATE }: Launching,
  call: Call,
): Launcher {
  const flink = deps.ports.flink(it.clusterName);
  return {
    earlier: async () => {
      const shown = await shownRun(flink, run, call);
      if (shown.is === 'unknown')
        throw failure(shown.because.code, shown.because.message, shown.because.where);
      return shown.is === 'present' ? shown.value : null;
    },
    submit: async () => {
      const { jar, entryClass, args, parallelism, flinkConfiguration } = launch;
      const is = await flink.submit(
        {
          run,
          jar: { file: jar, sha256: await fileDigest(jar) },
          entryClass,
          args: args.map((argument) => argument.replaceAll('{kafkaFrom}', kafkaFrom)),
          parallelism,
          savepointPath: point?.path ?? null,
          flinkConfiguration,
        },
        call,
      );
      return { is, state: null };
    },
  };
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw failure(
      'JarMissing',
      `expected the program at launch.jar, found: ${(error as Error).message}`,
      file,
      error,
    );
  }
  return hash.digest('hex');
}
