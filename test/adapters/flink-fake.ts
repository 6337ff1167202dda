/** A JobManager made of captured answers: what each path answers can be changed while it runs. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';

export const capture = (path: string): string =>
  readFileSync(new URL(`../fixtures/captures/${path}`, import.meta.url), 'utf8');

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const json = (body: unknown, status = 200): Answer => ({ status, body: JSON.stringify(body) });
export const errors = (status: number, text: string): Answer => json({ errors: [text] }, status);
export const html = (status: number): Answer => ({ status, body: '<html>nginx</html>', type: 'text/html' });
export const ELECTION = errors(
  503,
  'Service temporarily unavailable due to an ongoing leader election. Please refresh.',
);

export interface Received {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

type Route = Answer | ((request: Received) => Answer | Promise<Answer> | 'reset' | 'hang');

export interface FakeFlink {
  readonly url: string;
  readonly port: number;
  /** `METHOD /path` to what is answered; a path without query matches any query. */
  readonly routes: Map<string, Route>;
  readonly received: Received[];
  /** From now on connections are refused; what has come already is answered. */
  refuse(): void;
  close(): Promise<void>;
}

/** All read answers of one captured directory, for the run it holds. */
export function routesOf(directory: string, run: string): [string, Answer][] {
  const of = (name: string): Answer => ({ status: 200, body: capture(`${directory}/${name}.json`) });
  return [
    ['GET /overview', of('overview')],
    ['GET /jobs/overview', of('jobs-overview')],
    [`GET /jobs/${run}`, of('job')],
    [`GET /jobs/${run}/checkpoints`, of('checkpoints')],
    [`GET /jobs/${run}/checkpoints/config`, of('checkpoints-config')],
    [`GET /jobs/${run}/exceptions`, of('exceptions')],
    ['GET /jars', of('jars')],
  ];
}

export async function fakeFlink(routes: Iterable<readonly [string, Route]> = []): Promise<FakeFlink> {
  const table = new Map<string, Route>(routes);
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const path = request.url ?? '/';
      const entry = {
        method: request.method ?? '',
        path,
        body: Buffer.concat(chunks).toString('latin1'),
        headers: request.headers,
      };
      received.push(entry);
      const route =
        table.get(`${entry.method} ${path}`) ??
        table.get(`${entry.method} ${path.split('?')[0] ?? ''}`) ??
        notFound(path);
      const answer = typeof route === 'function' ? await route(entry) : route;
      if (answer === 'hang') return;
      if (answer === 'reset') {
        request.socket.resetAndDestroy();
        return;
      }
      response.writeHead(answer.status, {
        'content-type': answer.type ?? 'application/json; charset=UTF-8',
        ...answer.headers,
      });
      response.end(answer.body);
    })().catch(() => request.socket.destroy());
  });
  const closed = once(server, 'close');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    routes: table,
    received,
    refuse: () => void server.close(),
    async close() {
      if (server.listening) server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function notFound(path: string): Answer {
  const run = /^\/jobs\/([0-9a-f]{32})/.exec(path)?.[1];
  return run
    ? errors(
        404,
        `org.apache.flink.runtime.rest.handler.RestHandlerException: Job ${run} not found\n\tat org.apache.flink.X.y(X.java:1)\n`,
      )
    : errors(404, `Not found: ${path}`);
}
