import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LinkedNotice } from '../../adapters/ports.js';
import { receiversOf } from '../../adapters/receivers.js';
import type { NoticeConfig } from '../../config/config.js';
import { secret } from '../../domain/secret.js';

interface Heard {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

let heard: Heard[];
let status: number | 'hang';
let origin: string;
let close: () => Promise<void>;

beforeEach(async () => {
  heard = [];
  status = 200;
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      heard.push({
        path: request.url,
        authorization: request.headers.authorization,
        body: JSON.parse(body) as unknown,
      });
      if (status !== 'hang') response.writeHead(status).end('the answer is not kept');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
});
afterEach(() => close());

const { signal } = new AbortController();
const notice: LinkedNotice = {
  kind: 'CaseAsks',
  severity: 'critical',
  state: 'raised',
  key: 'case/o/asks/1-abc',
  ends: [],
  cluster: 'counts',
  job: 'window-counts',
  summary: 'question 1-abc: restore <chk-7> & go on?',
  at: Date.UTC(2026, 0, 2, 3, 4, 5),
  workflowId: 'recover/counts/window-counts',
  link: 'http://ui/recover',
};
const over: LinkedNotice = {
  ...notice,
  kind: 'CaseResumed',
  state: 'over',
  key: 'case/o/resumed/a',
  ends: ['case/o/opened', 'case/o/asks/1-abc'],
};
type Loose = { readonly [K in 'bearer' | 'routingKey']?: NonNullable<unknown> };
const receiver = (
  of: Partial<Loose> & { readonly kind: NoticeConfig['kind'] },
  path = '/hook?token=t0ps3cret',
) => receiversOf([{ ...of, url: secret(`${origin}${path}`), minSeverity: 'warning' } as NoticeConfig])[0]!;

describe('a webhook', () => {
  test('gets the whole notice as JSON, with its token', async () => {
    const hook = receiver({ kind: 'webhook', bearer: secret('b34rer') });
    expect(await hook.send(notice, { signal })).toEqual({ is: 'taken' });
    expect(heard).toMatchObject([
      {
        path: '/hook?token=t0ps3cret',
        authorization: 'Bearer b34rer',
        body: {
          version: 1,
          kind: 'CaseAsks',
          severity: 'critical',
          state: 'raised',
          key: 'case/o/asks/1-abc',
          job: 'window-counts',
          at: '2026-01-02T03:04:05.000Z',
          person: 'Answer the question of the case.',
          link: 'http://ui/recover',
        },
      },
    ]);
  });

  test.each([
    [503, true],
    [429, true],
    [500, true],
    [404, false],
    [401, false],
  ])('that answers %d: worth another try: %s', async (answer, again) => {
    status = answer;
    expect(await receiver({ kind: 'webhook' }).send(notice, { signal })).toEqual({
      is: 'refused',
      because: `notices[0] (webhook) answered HTTP ${answer}, expected 2xx`,
      again,
    });
  });

  test('that does not answer is given up at its deadline, and neither its address nor its token is told', async () => {
    status = 'hang';
    const answer = await receiver({ kind: 'webhook' }).send(notice, { signal, deadline: 80 });
    expect(answer).toMatchObject({ is: 'refused', again: true });
    expect(JSON.stringify(answer)).not.toMatch(/127\.0\.0\.1|t0ps3cret/);
  });

  test('that refuses connections is worth another try', async () => {
    const hook = receiver({ kind: 'webhook' });
    await close();
    close = () => Promise.resolve();
    const answer = await hook.send(notice, { signal });
    expect(answer).toMatchObject({ is: 'refused', again: true });
    expect(JSON.stringify(answer)).not.toMatch(/127\.0\.0\.1|t0ps3cret/);
  });
});

describe('a Slack-compatible channel', () => {
  const text = async (of: LinkedNotice) => {
    await receiver({ kind: 'slack' }).send(of, { signal });
    return (heard.at(-1)?.body as { text: string }).text;
  };
  test('gets one text, with nothing that it would take for markup', async () => {
    expect(await text(notice)).toBe(
      [
        ':rotating_light: *window-counts* on counts: CaseAsks',
        'question 1-abc: restore &lt;chk-7&gt; &amp; go on?',
        '_Answer the question of the case._',
        '<http://ui/recover|Temporal>',
      ].join('\n'),
    );
  });
  test('sees that something is over', async () => {
    const watch: LinkedNotice = { ...notice, kind: 'CheckpointsFailing', state: 'over', link: null };
    expect(await text(watch)).toMatch(/^:white_check_mark: .*CheckpointsFailing is over/);
  });
});

describe('PagerDuty', () => {
  const pager = () => receiver({ kind: 'pagerduty', routingKey: secret('r0ut1ng') }, '/v2/enqueue');
  test('is triggered by what is raised, merged by its key', async () => {
    await pager().send(notice, { signal });
    expect(heard).toMatchObject([
      {
        path: '/v2/enqueue',
        body: {
          routing_key: 'r0ut1ng',
          event_action: 'trigger',
          dedup_key: 'case/o/asks/1-abc',
          payload: { severity: 'critical', component: 'window-counts', class: 'CaseAsks' },
          links: [{ href: 'http://ui/recover' }],
        },
      },
    ]);
  });
  test('resolves everything that is over', async () => {
    await pager().send(over, { signal });
    expect(heard.map((h) => h.body)).toEqual(
      over.ends.map((dedup_key) => ({ routing_key: 'r0ut1ng', event_action: 'resolve', dedup_key })),
    );
  });
});
