/** Cases on a real Temporal server over steps that say what a test wants: one server and one set of workers for a file. */
import { cancelled } from '@temporalio/activity';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { OpenedCase } from '../../activities/open-case.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { CaseEnd, CaseStatus, Phase } from '../../domain/case.js';
import { clusterName, jobName } from '../../domain/ids.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { caseIs, JOB, type Steps } from './cases.js';
import { commandLine } from './command-line.js';
import { assessment, inRange, pointers, sound } from './evidence.js';
import { clientOf, temporalForTests, TWO_JOBS, workersOf } from './temporal.js';

/** Attempts follow each other at once, and a restored job is believed at once. */
export const quick: Policy = {
  ...STRICT,
  attempts: 2,
  backoff: { initial: 20, factor: 1, max: 20, jitter: 0 },
  soak: 1,
};

/** What the step that opens a case answers. */
export const opened = (job: string, policy: Policy, more: Partial<OpenedCase> = {}): OpenedCase => ({
  job: jobName(job),
  cluster: clusterName('counts'),
  workflowId: `recover/counts/${job}`,
  policy,
  configDigest: '0'.repeat(64),
  searchAttributes: [],
  ...more,
});

/** The incident that is recovered without trouble; nothing ends a wait but a person or its time. */
export const smooth = {
  assessRun: async () => assessment(),
  fetchPointer: async () => pointers(),
  readState: async () => sound,
  checkOffsets: async () => present(inRange),
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async () => ({ is: 'accepted', at: 5_000, state: null }),
  confirmRestored: async () => ({ is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] }),
  awaitReturn: () => cancelled(),
  watchRun: () => cancelled(),
} satisfies Steps;

/** What a file works with, from `beforeWork` on. */
export interface Scripted {
  readonly client: HoldfastClient;
  readonly raw: ReturnType<typeof clientOf>;
  readonly phaseIs: (phase: Phase, job?: string) => Promise<CaseStatus>;
  /** The result of the newest case of a job. */
  readonly endOf: (job?: string) => Promise<CaseEnd>;
  /** Runs a command against this server. */
  readonly holdfast: (...args: readonly string[]) => ReturnType<typeof commandLine>;
}

export interface ScriptedOptions {
  /** The configuration of the command line, without the server. Default: two jobs. */
  readonly configuration?: string;
  /** What is to happen while there is no worker yet. */
  readonly beforeWork?: () => Promise<void>;
}

/** Registers the hooks of a file: server, client and workers over these steps come before its tests, and go after them. */
export function scripted(
  steps: object,
  { configuration = TWO_JOBS, beforeWork }: ScriptedOptions = {},
): Scripted {
  const undo: (() => unknown)[] = [];
  /** What was started last ends first; what fails to end keeps nothing else from it. */
  const undoAll = async (): Promise<void> => {
    const last = undo.pop();
    if (last === undefined) return;
    try {
      await last();
    } finally {
      await undoAll();
    }
  };
  let begun: Pick<Scripted, 'client' | 'raw'> & { readonly file: string };
  const on: Scripted = {
    get client() {
      return begun.client;
    },
    get raw() {
      return begun.raw;
    },
    phaseIs: (phase, job = JOB) => caseIs(begun.client, job, phase),
    endOf: (job = JOB) => begun.raw.workflow.getHandle(`recover/counts/${job}`).result() as Promise<CaseEnd>,
    holdfast: (...args) => commandLine([...args, '--config', begun.file]),
  };
  beforeAll(async () => {
    const temporal = await temporalForTests();
    undo.push(() => temporal.close());
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-scripted-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'holdfast.yaml');
    writeFileSync(file, `temporal: { address: '${temporal.system.address}' }\n${configuration}`);
    const raw = clientOf(temporal.config);
    const client = holdfastClient({ client: raw, config: temporal.config });
    undo.push(() => client.close());
    begun = { client, raw, file };
    await beforeWork?.();
    const workers = await workersOf(temporal.config, steps);
    undo.push(() => (workers.shutdown(), workers.done));
  });
  afterAll(undoAll);
  return on;
}
