/** The incident on the real systems, for tests that add something to it. */
import { afterEach, beforeEach, expect } from 'vitest';
import type { CaseStatus } from '../../domain/case.js';
import { JOB, openScene, TOPICS, type SceneOptions, type TwinScene } from '../../demo/scene.js';
import { checkWindows, until } from '../../stack/index.js';
import { holdfastApart, type HoldfastApart } from './holdfast.js';

export interface Incident {
  readonly scene: () => TwinScene;
  /** Starts Holdfast in processes of its own; stopped after the test. */
  readonly start: (policy?: Readonly<Record<string, unknown>>) => Promise<HoldfastApart>;
  readonly status: () => Promise<CaseStatus>;
  readonly phaseIs: (phase: string) => Promise<CaseStatus>;
  /** Kills the NameNode until Flink has given both jobs up. */
  readonly loseTheJob: () => Promise<void>;
  readonly bringTheNameNodeBack: () => Promise<void>;
  /** Ends the stream and compares the sink with the truth. */
  readonly countsAreRight: () => Promise<void>;
}

/**
 * Opens a scene before each test of the file and closes it after it; keeps the logs of failed ones.
 * @param options over those of the incident
 */
export function incident(options: Partial<SceneOptions> = {}): Incident {
  let scene: TwinScene;
  let holdfast: HoldfastApart | undefined;

  beforeEach(async () => {
    scene = await openScene({ flink: '1.20', temporal: { ui: false }, ...options });
    await scene.flink.checkpointed(scene.run, 3);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(`logs: ${await scene.stack.keepLogs().catch(String)}`);
    await holdfast?.close();
    holdfast = undefined;
    await scene.stack.stop();
  });

  const status = async () => {
    if (holdfast === undefined) throw new Error('Holdfast is not started');
    return holdfast.client.status(JOB);
  };
  return {
    scene: () => scene,
    start: async (policy) => (holdfast = await holdfastApart(scene, policy)),
    status,
    phaseIs: (phase) =>
      until(
        `the case is ${phase}`,
        async () => {
          const now = await status();
          return now.phase === phase ? now : undefined;
        },
        { within: 120_000, every: 200 },
      ),
    async loseTheJob() {
      await scene.stack.server('namenode').kill();
      await Promise.all([scene.run, scene.blankRun].map((run) => scene.flink.reaches(run, 'FAILED')));
    },
    async bringTheNameNodeBack() {
      await scene.stack.server('namenode').start({ wait: false });
      await scene.stack.nameNodeUsable();
    },
    async countsAreRight() {
      const events = await scene.events.finish();
      const broker = scene.stack.endpoints.kafka ?? '';
      const counts = await checkWindows({ broker, topic: TOPICS.out, events });
      expect(counts).toMatchObject({
        complete: true,
        missing: 0,
        wrongCounts: 0,
        wrongTotals: 0,
        unexpected: 0,
      });
    },
  };
}
