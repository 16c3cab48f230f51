// SPDX-License-Identifier: GPL-2.0-or-later
// A walk through what a JIT runtime asks of its system: hot loops, deoptimisation, regular
// expressions, WebAssembly, workers with shared memory, timers, children, sockets, files, streams.
// Prints only what does not depend on time.
'use strict';

const assert = require('assert');
const childProcess = require('child_process');
const crypto = require('crypto');
const events = require('events');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const stream = require('stream');
const util = require('util');
const vm = require('vm');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

// --- in workers ------------------------------------------------------------------------------

function workerMain() {
    const shared = new Int32Array(workerData.shared);

    for (let i = 0; i < workerData.rounds; i++) {
        Atomics.add(shared, 0, 1);
        if (i % 1000 === 0) {
            Atomics.add(shared, 1, i);
        }
    }
    Atomics.store(shared, 2 + workerData.index, 1);
    Atomics.notify(shared, 2 + workerData.index);
    parentPort.on('message', message => {
        parentPort.postMessage({ index: workerData.index, sum: sumOf(message) });
        parentPort.close();
    });
}

function sumOf(array) {
    let sum = 0;

    for (const value of array) {
        sum = (sum * 31 + value) | 0;
    }
    return sum;
}

// --- the language ----------------------------------------------------------------------------

class Shape {
    constructor(name) { this.name = name; }
    area() { return 0; }
}

class Circle extends Shape {
    #r;
    constructor(r) { super('circle'); this.#r = r; }
    area() { return Math.PI * this.#r ** 2; }
}

class Square extends Shape {
    constructor(side) { super('square'); this.side = side; }
    area() { return this.side * this.side; }
}

function hotLoops() {
    let hash = 0, total = 0;

    for (let i = 0; i < 300000; i++) {
        hash = Math.imul(hash ^ i, 0x9e3779b1) >>> 0;
    }
    for (let i = 0; i < 20000; i++) {
        total += (i % 3 ? new Circle(i % 7) : new Square(i % 5)).area();
    }
    console.log('loops', hash, total.toFixed(6));
}

function add(a, b) {
    return a + b;
}

// What was compiled for integers meets other types.
function deoptimise() {
    let n = 0;

    for (let i = 0; i < 50000; i++) {
        n = add(n, i & 15);
    }
    console.log('types', n, add('a', 1), add(0.5, n), add([1], [2]), add(2n ** 70n, 1n));
}

function* fibonacci() {
    let a = 0n, b = 1n;

    for (;;) {
        yield a;
        [a, b] = [b, a + b];
    }
}

function language() {
    const take = (generator, n) => [...Array(n)].map(() => generator.next().value);
    const map = new Map(Object.entries({ one: 1, two: 2 }));
    const { one, ...others } = Object.fromEntries(map);
    const text = 'The quick brown fox jumps over the lazy dog'.repeat(50);

    console.log('generator', take(fibonacci(), 90).at(-1));
    console.log('objects', one, others, JSON.stringify({ date: new Date(0), nested: [{ a: null }] }));
    console.log('regexp', text.match(/\b(?<first>[a-z])\w*\1?/gi).length,
                text.replace(/(\w+) (\w+)/g, '$2 $1').length, /^(a+)+$/.test('aaaaaaaaaaaab'));
    console.log('sort', [5, 3, 9, 1].sort((a, b) => a - b), ['ä', 'z', 'a'].sort().join(''));
    console.log('proxy', new Proxy({}, { get: (_, name) => name.length }).hello);
    console.log('vm', vm.runInNewContext('x * y', { x: 6, y: 7 }), util.inspect(new Set([1, 'a'])));
    try {
        null.field;
    } catch (error) {
        console.log('caught', error.constructor.name, error.message);
    }
    console.log('deep', (function dive(n) { return n ? 1 + dive(n - 1) : 0; })(5000));
}

// --- WebAssembly: (func (param i32) (result i32)) that adds the numbers up to its argument ----

async function webAssembly() {
    const code = Buffer.from('0061736d0100000001060160017f017f030201000707010373756d00000a1e011c0101' +
                             '7f03402001200041016b220041016a6a210120000d000b20010b', 'hex');

    if (!WebAssembly.validate(code)) {
        console.log('wasm: invalid');
        return;
    }
    const { instance } = await WebAssembly.instantiate(code);
    console.log('wasm', instance.exports.sum(100000));
}

// --- the system ------------------------------------------------------------------------------

async function files() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'node-script-'));
    const name = path.join(folder, 'file');

    await fs.promises.writeFile(name, 'line\n'.repeat(1000));
    await Promise.all([...Array(8)].map((_, i) => fs.promises.copyFile(name, name + i)));
    console.log('files', (await fs.promises.readdir(folder)).length, fs.statSync(name + 7).size);
    fs.rmSync(folder, { recursive: true });
}

async function workers(count, rounds) {
    const shared = new SharedArrayBuffer(4 * (2 + count)), view = new Int32Array(shared);
    const all = [...Array(count)].map((_, index) =>
        new Worker(__filename, { workerData: { shared, index, rounds } }));

    const answers = all.map(worker => events.once(worker, 'message'));
    const ends = all.map(worker => events.once(worker, 'exit'));
    all.forEach((worker, i) => worker.postMessage(Uint32Array.from({ length: 1000 }, (_, k) => k * i)));
    for (const [answer] of await Promise.all(answers)) {
        console.log('worker', answer.index, answer.sum);
    }
    console.log('exits', (await Promise.all(ends)).map(([code]) => code), 'atomic', view[0], view[1]);
}

async function sockets() {
    const server = net.createServer(peer => peer.on('data', data => peer.end(data.toString().toUpperCase())));

    server.listen(0, '127.0.0.1');
    await events.once(server, 'listening');
    const client = net.connect(server.address().port, '127.0.0.1');
    client.write('through a socket');
    console.log('socket', (await events.once(client, 'data'))[0].toString());
    server.close();
}

async function children() {
    const run = util.promisify(childProcess.execFile);
    const [a, b] = await Promise.all([run('/bin/sh', ['-c', 'echo child; echo $((6 * 7))']),
                                      run(process.execPath, ['-p', '21 * 2'])]);
    const killed = childProcess.spawn('/bin/sleep', ['60']);

    killed.kill('SIGTERM');
    console.log('children', a.stdout.split('\n'), b.stdout.trim(), await events.once(killed, 'exit'));
    const failed = await run('/bin/sh', ['-c', 'exit 3']).catch(error => error.code);
    console.log('status', failed);
}

async function streams() {
    const chunks = [], text = 'compress me '.repeat(5000);
    const sink = new stream.Writable({ write(chunk, _, done) { chunks.push(chunk); done(); } });

    await stream.promises.pipeline(stream.Readable.from([text]), zlib.createGzip(),
                                   zlib.createGunzip(), sink);
    assert.strictEqual(Buffer.concat(chunks).toString(), text);
    console.log('streams', crypto.createHash('sha256').update(text).digest('hex').slice(0, 16),
                crypto.pbkdf2Sync('secret', 'salt', 1000, 16, 'sha1').toString('hex'));
}

async function main() {
    process.on('SIGUSR2', () => console.log('signal'));
    hotLoops();
    deoptimise();
    language();
    await webAssembly();
    await files();
    await workers(4, 20000);
    await sockets();
    await children();
    await streams();
    process.kill(process.pid, 'SIGUSR2');
    await new Promise(resolve => setTimeout(resolve, 50));
    const ticks = [];
    setImmediate(() => ticks.push('immediate'));
    process.nextTick(() => ticks.push('tick'));
    await Promise.resolve().then(() => ticks.push('promise'));
    await new Promise(resolve => setTimeout(resolve, 20));
    console.log(ticks.join(' '));
    if (global.gc) {
        global.gc();
    }
    process.exitCode = 7;
}

isMainThread ? main() : workerMain();
