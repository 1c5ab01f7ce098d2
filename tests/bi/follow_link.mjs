// As follow_link.py, with @duckdb/node-api: node follow_link.mjs <published> <new release>
import { renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.BI_NODE_HOME + '/');
const { DuckDBInstance } = await import(pathToFileURL(require.resolve('@duckdb/node-api')));

const [published, release] = process.argv.slice(2);
const open = () => DuckDBInstance.create(published + '/latest/bank_marts.duckdb', { access_mode: 'READ_ONLY' });
const ask = async (instance) => {
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll('select release from marts.which');
  connection.closeSync();
  return reader.getRowsJson()[0][0];
};

const first = await open();
const answers = [await ask(first)];
symlinkSync(release, published + '/.latest');
renameSync(published + '/.latest', published + '/latest');
answers.push(await ask(first));
answers.push(await ask(await open()));
first.closeSync();
answers.push(await ask(await open()));
console.log(JSON.stringify(answers));
