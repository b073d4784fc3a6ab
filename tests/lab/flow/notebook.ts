import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asked, askKernel, hubToken, type Person, start, stop } from '../hub.ts';
import { checkout } from '../support.ts';
import type { Evidence } from './report.ts';

const project = join(checkout, 'examples/flights');
const folder = 'flights';

/** Runs a notebook from top to bottom, as somebody does who opens it; what it showed is kept beside it. */
const execution = (name: string): string => `
import json, nbformat
from nbclient import NotebookClient
notebook = nbformat.read("${name}.ipynb", 4)
await NotebookClient(notebook, timeout=300, kernel_name="python3").async_execute()
nbformat.write(notebook, "${name}.executed.ipynb")
line = lambda text: " ".join(text.split())[:800]
outputs = [each for cell in notebook.cells if cell.cell_type == "code" for each in cell.outputs]
print(json.dumps({
    "cells": sum(cell.cell_type == "code" for cell in notebook.cells),
    "plots": sum("image/png" in each.get("data", {}) for each in outputs),
    "says": line(next((each.text for each in outputs if each.output_type == "stream"), "")),
    "last": line(next((each.data["text/plain"] for each in reversed(outputs) if "execution_count" in each), "")),
}))
`;

/** What a notebook showed: plots, the first that it printed, the value of its last cell that has one. */
export interface Executed extends Evidence {
  readonly cells: number;
  readonly plots: number;
  readonly says: string;
  readonly last: string;
}

/** A person's server, with the project's package and notebooks in a folder of its home. */
export class Notebook {
  readonly #person: Person;
  readonly #token: string;

  private constructor(person: Person, token: string) {
    this.#person = person;
    this.#token = token;
  }

  static async start(person: Person): Promise<Notebook> {
    const token = await hubToken(person.account);
    await start(token, person);
    const notebook = new Notebook(person, token);
    await notebook.#upload();
    return notebook;
  }

  stop(): Promise<void> {
    return stop(this.#token, this.#person);
  }

  /** Runs Python beside the notebooks; resolves to the JSON that it printed last. */
  run<T>(code: string): Promise<T> {
    const place = `import os, sys\nos.chdir("/home/notebook/${folder}")\nsys.path.insert(0, os.getcwd())\n`;
    return askKernel<T>(this.#token, this.#person.account, `${place}${code}`);
  }

  /** Rejects with what a cell raised. */
  execute(name: string): Promise<Executed> {
    return this.run(execution(name));
  }

  async #upload(): Promise<void> {
    const put = async (path: string, model: object): Promise<void> => {
      const place = `/user/${this.#person.account}/api/contents/${path}`;
      const { status, body } = await asked(this.#token, 'PUT', place, model);
      if (status !== 200 && status !== 201) throw new Error(`${path}: ${status} ${body.slice(0, 500)}`);
    };
    const files = readdirSync(project, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.ipynb') || /^flights\/\w+\.py$/.test(path),
    );
    for (const path of [folder, `${folder}/flights`]) await put(path, { type: 'directory' });
    for (const path of files) {
      const content = readFileSync(join(project, path), 'utf8');
      await put(`${folder}/${path}`, { type: 'file', format: 'text', content });
    }
  }
}
