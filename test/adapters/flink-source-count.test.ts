/** What the Kafka sources of a run have counted, from the metrics as Flink 1.20 and 2.2 answered them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flinkRest } from '../../adapters/flink.js';
import { runId } from '../../domain/ids.js';
import { errors, json, routesOf, fakeFlink, type FakeFlink } from './flink-fake.js';

const RUN = runId('aaaaaaaaaaaaaaaaaaaaaaaaaaaa0001');
const { signal } = new AbortController();
const offsetOf = (topic: string, partition: number, source = 'Source__events') =>
  `${source}.KafkaSourceReader.topic.${topic}.partition.${partition}.currentOffset`;

let server: FakeFlink;
let path: string;
/** Values by name, as of the newest fetch of Flink. */
let metrics: Map<string, number>;
let asked: number;

beforeEach(async () => {
  server = await fakeFlink(routesOf('flink-1.20/running', RUN));
  const job = (await (await fetch(`${server.url}/jobs/${RUN}`)).json()) as { vertices: { id: string }[] };
  metrics = new Map([
    ['Source__events.numRecordsIn', 2117],
    [offsetOf('events', 0), 1059],
    [offsetOf('events', 1), 1056],
    ['Source__events.KafkaSourceReader.topic.events.partition.0.committedOffset', 1002],
    ['parse.numRecordsIn', 2117],
  ]);
  asked = 0;
  for (const [index, { id }] of job.vertices.entries()) {
    const of = `/jobs/${RUN}/vertices/${id}/subtasks/metrics`;
    if (index === 0) path = of;
    server.routes.set(`GET ${of}`, (request) => {
      const wanted = new URL(request.path, server.url).searchParams.get('get')?.split(',');
      if (index > 0) return json(wanted === undefined ? [{ id: 'window.numRecordsIn' }] : []);
      if (wanted === undefined) return json([...metrics.keys()].map((name) => ({ id: name })));
      asked++;
      return json(
        wanted.flatMap((name) => {
          const value = metrics.get(name);
          return value === undefined ? [] : [{ id: name, sum: value, max: value }];
        }),
      );
    });
  }
});
afterEach(() => server.close());

const count = (...topics: readonly string[]) =>
  flinkRest('test', { rest: [server.url] }).sourceCount(RUN, topics, { signal });

describe('what the sources have counted', () => {
  it('is the records read, and the offset after the last of each partition', async () => {
    expect(await count('events')).toEqual({
      is: 'present',
      value: {
        read: 2117n,
        positions: [
          { topic: 'events', partition: 0, offset: 1060n },
          { topic: 'events', partition: 1, offset: 1057n },
        ],
      },
    });
  });

  it('leaves out a partition of which nothing was read', async () => {
    metrics.set(offsetOf('events', 1), -1);
    expect(await count('events')).toMatchObject({ value: { positions: [{ partition: 0 }] } });
  });

  it('knows a topic whose dots Flink replaced, and none that it cannot tell from another', async () => {
    metrics.delete(offsetOf('events', 0));
    metrics.delete(offsetOf('events', 1));
    metrics.set(offsetOf('pay_ments', 0), 7);
    expect(await count('pay.ments')).toMatchObject({ value: { positions: [{ topic: 'pay.ments' }] } });
    expect(await count('pay.ments', 'pay:ments')).toEqual({ is: 'absent' });
    expect(await count('events')).toEqual({ is: 'absent' });
  });

  it('is absent while Flink has fetched nothing', async () => {
    metrics.clear();
    expect(await count('events')).toEqual({ is: 'absent' });
  });

  it('is unknown when two sources read the same partition', async () => {
    metrics.set('Source__again.numRecordsIn', 3);
    metrics.set(offsetOf('events', 0, 'Source__again'), 2);
    expect(await count('events')).toMatchObject({ is: 'unknown' });
  });

  it('is unknown when the JobManager does not answer for a vertex', async () => {
    server.routes.set(`GET ${path}`, errors(500, 'Internal server error.'));
    expect((await count('events')).is).toBe('unknown');
  });

  it('of many partitions is put together only from parts of the same moment', async () => {
    for (let partition = 2; partition < 100; partition++) metrics.set(offsetOf('events', partition), 9);
    expect(await count('events')).toMatchObject({ value: { read: 2117n } });
    const inOnePass = asked;
    expect(inOnePass).toBeGreaterThan(1);
    for (const { path: of } of server.received) expect(of.length).toBeLessThan(4_000);

    const before = metrics.get('Source__events.numRecordsIn') ?? 0;
    const answer = server.routes.get(`GET ${path}`);
    if (typeof answer !== 'function') throw new Error('the route answers');
    server.routes.set(`GET ${path}`, (request) => {
      metrics.set('Source__events.numRecordsIn', before + asked);
      return answer(request);
    });
    expect(await count('events'), 'records flow faster than they can be asked').toEqual({ is: 'absent' });
  });
});
