import { connectTemporal } from '../../client/index.js';
import type { Config } from '../../config/config.js';
import { parseConfig } from '../../config/load.js';
import { startTemporal, type DynamicConfig, type TemporalSystem } from '../../stack/temporal.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers, type WorkersOptions } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';

export interface TestTemporal {
  readonly system: TemporalSystem;
  /** A configuration of two jobs that nothing runs, on this server. */
  readonly config: Config;
  close(): Promise<void>;
}

export const ONE_JOB = `
storage: { disk: { kind: file, allow: [/data], scratch: /data/probe } }
clusters:
  counts: { flink: { rest: ['http://127.0.0.1:1'] }, checkpoints: 'file:/data/c1' }
jobs:
  window-counts: { cluster: counts, match: { name: window counts }, launch: { jar: x.jar } }
`;
export const TWO_JOBS = `${ONE_JOB}  totals: { cluster: counts, launch: { jar: x.jar } }\n`;

/** A configuration of two jobs that nothing runs, on the server at this address. */
export function configForTests(address: string): Config {
  const parsed = parseConfig(TWO_JOBS, { file: '/nowhere/holdfast.yaml', env: {} });
  return { ...parsed, temporal: { address, namespace: 'default', ui: 'http://ui.example' } };
}

/** A Temporal server of this test file alone, in memory, without UI. The caller closes it. */
export async function temporalForTests(
  dynamicConfig: DynamicConfig = {},
  namespaces: readonly string[] = [],
): Promise<TestTemporal> {
  const system = await startTemporal({ ui: false, dynamicConfig, namespaces });
  return { system, config: configForTests(system.address), close: () => system.close() };
}

export const clientOf = (config: Config) => connectTemporal(config.temporal, 'test');

/** Workers over these steps, which log nothing. The caller ends them. */
export const workersOf = (
  config: Config,
  activities: object,
  more: Pick<WorkersOptions, 'bundle'> = {},
): Promise<RunningWorkers> =>
  createWorkers({ config, activities, log: createLog(scrubber([]), { level: 'silent' }), ...more });
