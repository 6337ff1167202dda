/** HTTP as the Flink adapter needs it: one connection a request, nothing left behind, and whether anything was sent. */
import type { Readable } from 'node:stream';

import { buildConnector, Client } from 'undici';

import type { Bounds } from './bounded-call.js';
import { connectionWords } from './connection-words.js';
import type { TlsOptions } from './tls-files.js';

export interface FlinkRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** A JSON value, or a stream with its type and length. */
  readonly body?:
    | { readonly json: unknown }
    | { readonly stream: Readable; readonly type: string; readonly length: number };
  /** Milliseconds until the whole answer must be there. */
  readonly timeout: number;
  /** Called when the connection stands, just before the first byte is sent. */
  readonly onConnected?: () => void;
}

export type FlinkSent =
  | {
      readonly is: 'answer';
      readonly status: number;
      /** The parsed body; undefined when it is no JSON. */
      readonly json: unknown;
      readonly location: string | null;
    }
  | {
      readonly is: 'no-answer';
      /** There was no connection, so nothing was sent. */
      readonly unsent: boolean;
      readonly message: string;
    };

export interface HttpSettings {
  /** Value of the Authorization header. */
  readonly authorization: string | null;
  readonly tls: TlsOptions;
}

/** The largest answers are plans of big jobs, a few MB. */
const CAP = 64 * 1024 * 1024;

/**
 * @param base an address of the configuration; its path, if any, comes before the request's
 * Rejects only when the whole call has ended.
 */
export async function sendToFlink(
  base: string,
  request: FlinkRequest,
  settings: HttpSettings,
  bounds: Bounds,
): Promise<FlinkSent> {
  bounds.signal.throwIfAborted();
  const patience = Math.max(1, Math.min(request.timeout, bounds.left()));
  const ending = new AbortController();
  const sockets: { destroy(): unknown }[] = [];
  let connected = false;
  // The package's declarations hide that the socket is returned: it must be known to be closed while it connects.
  const connect = buildConnector({
    ...settings.tls,
    timeout: 0,
  }) as unknown as (
    options: buildConnector.Options,
    callback: buildConnector.Callback,
  ) => { destroy(): unknown };
  const url = new URL(base + request.path);
  const client = new Client(url.origin, {
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: CAP,
    connect: (options, callback) => {
      const socket = connect(options, (error, made) => {
        if (error) {
          callback(error, null);
          return;
        }
        connected = true;
        request.onConnected?.();
        callback(null, made);
      });
      sockets.push(socket);
    },
  });
  const onEnd = () => ending.abort(bounds.signal.reason);
  const timer = setTimeout(() => ending.abort(new TooLate()), patience);
  bounds.signal.addEventListener('abort', onEnd, { once: true });
  try {
    const answer = await client.request({
      method: request.method,
      path: url.pathname + url.search,
      headers: headersOf(request, settings),
      body: bodyOf(request),
      signal: ending.signal,
    });
    const body = await answer.body.text();
    const { location } = answer.headers;
    return {
      is: 'answer',
      status: answer.statusCode,
      json: parsed(body),
      location: typeof location === 'string' ? location : null,
    };
  } catch (error) {
    if (bounds.signal.aborted) throw bounds.signal.reason;
    const message =
      error instanceof TooLate ? `gave no whole answer within ${Math.round(patience)} ms` : codeOf(error);
    return { is: 'no-answer', unsent: !connected, message };
  } finally {
    clearTimeout(timer);
    bounds.signal.removeEventListener('abort', onEnd);
    for (const socket of sockets) socket.destroy();
    // Everything of it has ended already; what it says about that is no news.
    client.destroy().catch(() => undefined);
    if (request.body && 'stream' in request.body) request.body.stream.destroy();
  }
}

class TooLate extends Error {
  override readonly name = 'TooLate';
}

function headersOf(request: FlinkRequest, settings: HttpSettings): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (settings.authorization !== null) headers.authorization = settings.authorization;
  if (!request.body) return headers;
  if ('json' in request.body) return { ...headers, 'content-type': 'application/json' };
  return { ...headers, 'content-type': request.body.type, 'content-length': String(request.body.length) };
}

function bodyOf(request: FlinkRequest): string | Readable | null {
  if (!request.body) return null;
  return 'json' in request.body ? JSON.stringify(request.body.json) : request.body.stream;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

/** Only the code of an error: its text may hold what was sent. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? connectionWords(code) : error.name;
}
