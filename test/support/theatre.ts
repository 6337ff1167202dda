/** Cases on a real Temporal server whose steps answer what the course of a test wants; many courses side by side. */
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Activities } from '../../activities/index.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { Config } from '../../config/config.js';
import type { CaseStatus, Phase } from '../../domain/case.js';
import type { Policy } from '../../domain/policy.js';
import type { DynamicConfig } from '../../stack/temporal.js';
import { until } from '../../stack/wait.js';
import { caseIs, type Steps } from './cases.js';
import { opened, quick, smooth } from './scripted.js';
import { clientOf, temporalForTests, workersOf } from './temporal.js';

export interface Stage {
  readonly job: string;
  readonly client: HoldfastClient;
  /** Replaces steps from now on. */
  readonly now: (steps: Steps) => void;
  readonly phaseIs: (phase: Phase) => Promise<CaseStatus>;
  readonly ended: () => Promise<void>;
}

export interface Theatre {
  readonly client: HoldfastClient;
  readonly raw: ReturnType<typeof clientOf>;
  /** The stage of one job; each job has its own world. */
  readonly stage: (job: string, policy: Partial<Policy>, steps: Steps) => Stage;
  /** The executions of the case, oldest first, as JSON. */
  readonly histories: (job: string) => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

/** Steps that only some courses take. */
const OTHERS = [
  'examineDeadEnd',
  'requestRepair',
  'handOver',
  'setStart',
  'startJob',
  'stopRun',
  'awaitRelease',
] as const;

export async function openTheatre(
  jobs: readonly string[],
  dynamicConfig: DynamicConfig = {},
): Promise<Theatre> {
  const temporal = await temporalForTests(dynamicConfig);
  const [like] = Object.values(temporal.config.jobs);
  const config = { ...temporal.config, jobs: Object.fromEntries(jobs.map((job) => [job, like])) } as Config;
  const raw = clientOf(config);
  const client = holdfastClient({ client: raw, config });
  const worlds = new Map<string, Steps>();
  const names = ['openCase', ...Object.keys(smooth)] as (keyof Activities)[];
  const activities = Object.fromEntries(
    [...names, ...OTHERS].map((name) => [
      name,
      (input: { readonly job: string }) => {
        const step = worlds.get(input.job)?.[name] as ((i: unknown) => unknown) | undefined;
        if (step === undefined) throw new Error(`the course of ${input.job} has no ${name}`);
        return step(input);
      },
    ]),
  );
  const workers = await workersOf(config, activities);
  return {
    client,
    raw,
    stage: (job, policy, steps) => {
      worlds.set(job, { ...smooth, openCase: async () => opened(job, { ...quick, ...policy }), ...steps });
      return {
        job,
        client,
        now: (more) => void worlds.set(job, { ...worlds.get(job), ...more }),
        phaseIs: (phase) => caseIs(client, job, phase),
        ended: async () => {
          await until(
            `the case of ${job} is over`,
            async () => ((await client.caseOf(job)).summary.state === 'open' ? undefined : true),
            { within: 60_000, every: 50 },
          );
        },
      };
    },
    histories: async (job) => {
      const id = `recover/counts/${job}`;
      const found: string[] = [];
      let runId: string | undefined = undefined;
      for (;;) {
        const history: Awaited<ReturnType<ReturnType<typeof raw.workflow.getHandle>['fetchHistory']>> =
          await raw.workflow.getHandle(id, runId).fetchHistory();
        found.unshift(historyToJSON(history));
        const before =
          history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
        if (before === '') return found;
        runId = before;
      }
    },
    close: async () => {
      workers.shutdown();
      await workers.done;
      await client.close();
      await temporal.close();
    },
  };
}
