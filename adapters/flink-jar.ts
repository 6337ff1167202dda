/** A program's jar on its way to Flink: named after its digest, so that a jar that is there is known to be the right one. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';

import { failure } from '../domain/failure.js';

export interface Jar {
  readonly file: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** `<sha256>_<name>.jar`: Flink puts a prefix of its own before it. */
export function uploadNameOf(jar: Jar): string {
  const plain = basename(jar.file)
    .replace(/\.jar$/i, '')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 100);
  return `${jar.sha256}_${plain || 'program'}.jar`;
}

export interface JarUpload {
  readonly stream: Readable;
  readonly type: string;
  readonly length: number;
}

/**
 * A multipart form with the jar. The bytes are hashed as they leave; when they are not what was promised, the form is
 * never finished, and Flink keeps nothing.
 * @throws JarMissing when the file cannot be read or has another digest
 */
export async function jarUpload(jar: Jar, signal: AbortSignal): Promise<JarUpload> {
  const size = await verifiedSize(jar, signal);
  const boundary = `holdfast-${jar.sha256.slice(0, 32)}`;
  const head = Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="jarfile"; filename="${uploadNameOf(jar)}"\r\n` +
      'content-type: application/x-java-archive\r\n\r\n',
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* parts(): AsyncGenerator<Buffer> {
    yield head;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(jar.file, {
      start: 0,
      end: Math.max(0, size - 1),
    }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest('hex') !== jar.sha256) throw changed(jar);
    yield tail;
  }
  return {
    stream: Readable.from(parts(), { objectMode: false }),
    type: `multipart/form-data; boundary=${boundary}`,
    length: head.length + size + tail.length,
  };
}

async function verifiedSize(jar: Jar, signal: AbortSignal): Promise<number> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    const file = await open(jar.file, 'r');
    try {
      for await (const chunk of file.createReadStream({
        autoClose: false,
        signal,
      }) as AsyncIterable<Buffer>) {
        hash.update(chunk);
        size += chunk.length;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failure(
      'JarMissing',
      `the jar cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      jar.file,
    );
  }
  if (hash.digest('hex') !== jar.sha256) throw changed(jar);
  return size;
}

const changed = (jar: Jar) =>
  failure(
    'JarMissing',
    `expected the jar with SHA-256 ${jar.sha256}, found another one; nothing was submitted`,
    jar.file,
  );
