import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkWindows,
  countRecords,
  createTopics,
  startEvents,
  startStack,
  truthOf,
  SHAPE,
  until,
  type Stack,
} from '../../stack/index.js';

describe('the numbered stream in a real Kafka', () => {
  let stack: Stack;
  let broker: string;

  beforeAll(async () => {
    stack = await startStack({ label: 'test', flink: 'none', nameNodes: 0, zooKeepers: 0 });
    broker = stack.endpoints.kafka ?? '';
    await createTopics(
      broker,
      ['one', 'two', 'few', 'empty'].map((topic) => ({ topic })),
    );
  });
  afterAll(() => stack?.stop());

  it('holds every event once in every topic, although Kafka is killed meanwhile', async () => {
    const kafka = stack.server('kafka');
    const events = await startEvents({ broker, topics: ['one', 'two'], rate: 500 });
    await until('the stream flows', () => events.sent() > 200);
    await kafka.kill();
    const before = events.sent();
    await kafka.start();
    await until('the stream flows again', () => events.sent() > before + 500);
    // Fails by itself when a topic holds another number of records.
    const count = await events.finish();
    expect(await countRecords(broker, 'one')).toBe(count + 2);
  });

  it('ends by itself after the wanted number of events, and counts what stop leaves unclosed', async () => {
    const events = await startEvents({ broker, topics: ['few'], count: 5000 });
    await events.done;
    expect(await events.stop()).toBe(5000);
    expect(await countRecords(broker, 'few')).toBe(5000);
  });

  it('reports every window as missing when the sink stays empty until the deadline', async () => {
    const report = await checkWindows({ broker, topic: 'empty', events: 600, within: 1000 });
    expect(report).toMatchObject({
      complete: false,
      counted: 0,
      missing: truthOf(SHAPE, 600).size,
      undercounted: 600,
    });
  });
});
