import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkWindows,
  createTopics,
  flinkRest,
  jobJar,
  startEvents,
  startStack,
  type Stack,
} from '../../stack/index.js';

describe('the whole stack on Flink 2.2', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      label: 'test',
      flink: '2.2',
      supervisor: true,
      flinkSettings: { checkpointInterval: '1s', sessionTimeout: 4000 },
    });
  });
  afterAll(() => stack?.stop());

  it('counts every window once with an exactly-once sink, although the JobManager is killed', async () => {
    const broker = stack.endpoints.kafka ?? '';
    const rest = flinkRest(stack.endpoints.flinkRest ?? '');
    await createTopics(broker, [{ topic: 'events' }, { topic: 'counts' }]);
    const events = await startEvents({ broker, topics: ['events'], rate: 600 });
    const id = await rest.submit({
      jar: jobJar('2.2'),
      args: { brokers: broker, in: 'events', out: 'counts', group: 'counts', guarantee: 'exactly-once' },
    });
    await rest.running(id);
    const before = await rest.checkpointed(id, 2);

    const jobManager = stack.server('jobmanager');
    await jobManager.kill();
    await jobManager.ready();
    expect(jobManager.exits.at(-1)).toMatchObject({ signal: 'SIGKILL' });
    await rest.running(id);
    await rest.checkpointed(id, 1);
    expect((await rest.checkpoints(id)).restored?.id).toBeGreaterThanOrEqual(before.id);

    const count = await events.finish();
    expect(await checkWindows({ broker, topic: 'counts', events: count, readCommitted: true })).toMatchObject(
      {
        complete: true,
        missing: 0,
        wrongCounts: 0,
        wrongTotals: 0,
        unexpected: 0,
        repeated: 0,
      },
    );
  });
});
