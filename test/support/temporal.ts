import { connectTemporal } from '../../client/index.js';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/config.js';
import { startTemporal, type DynamicConfig, type TemporalSystem } from '../../stack/temporal.js';

export interface TestTemporal {
  readonly system: TemporalSystem;
  /** A configuration of two jobs that nothing runs, on this server. */
  readonly config: Config;
  close(): Promise<void>;
}

const CONFIG = `
storage: { disk: { kind: file, allow: [/data], scratch: /data/probe } }
clusters:
  counts: { flink: { rest: ['http://127.0.0.1:1'] }, checkpoints: 'file:/data/c1' }
jobs:
  window-counts: { cluster: counts, match: { name: window counts }, launch: { jar: x.jar } }
  totals: { cluster: counts, launch: { jar: x.jar } }
`;

/** A Temporal server of this test file alone, in memory, without UI. The caller closes it. */
export async function temporalForTests(
  dynamicConfig: DynamicConfig = {},
  namespaces: readonly string[] = [],
): Promise<TestTemporal> {
  const system = await startTemporal({ ui: false, dynamicConfig, namespaces });
  const parsed = parseConfig(CONFIG, { file: '/nowhere/holdfast.yaml', env: {} });
  const config: Config = {
    ...parsed,
    temporal: { address: system.address, namespace: 'default', ui: 'http://ui.example' },
  };
  return { system, config, close: () => system.close() };
}

export const clientOf = (config: Config) => connectTemporal(config.temporal, 'test');
