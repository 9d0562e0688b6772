// Answers as models write them, one of each habit.

const SORT = `# Sorting in Python

To sort a list **in place**, call \`list.sort()\`; to get a *new* list, use \`sorted()\`:

\`\`\`python
def by_length(words: list[str]) -> list[str]:
    # the shortest first

    return sorted(words, key=len)
\`\`\`

1. **In place** changes the list:
   - faster, as nothing is copied
   - returns \`None\`

     \`\`\`py
     words.sort()
     \`\`\`
2. **A copy** leaves it:
   1. costs memory
   2. works for *any* iterable

| Function | Copies | Returns |
|:---------|:------:|--------:|
| \`sort\` | no | \`None\` |
| \`sorted\` | **yes** | a list \\| more |
| both || stable

---

See the [documentation](https://docs.python.org/3/howto/sorting.html "Sorting HOW TO") or <https://peps.python.org>.
`;

const MATHS = `The **quadratic formula** solves $ax^2 + bx + c = 0$:

$$
x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}
$$

With \\(a = 1\\) it costs from $5 to $9, or \\$3, and US$4. And \\[ \\int_0^1 x\\,dx = \\tfrac12 \\] within a line.
\\[
e^{i\\pi} + 1 = 0
\\]
done.

$$E = mc^2$$

$$ is much money
and never ends
`;

const NOTES = `Certainly! Here is what I found.

> **Note**: quotes hold
> lists too:
> - one
> - two
>
> > and quotes
lazily gone on with

- [x] parse
- [ ] draw ~~twice~~ once

  with a second paragraph
- [ ] test

* * *

Setext heading
==============

Another *one*
---

Visit https://example.com/a_b?c=d or www.example.org, mail a.b@example.com. Hard break:\\
next line  
and __another__ snake_case_name and 2 * 3 * 4. &copy; 2026 &mdash; &lt;b&gt; &unknown; <br> <b>bold</b>
![A chart](https://example.com/chart.png) and [a reference][ref], [ref], [later][].

    indented code

      more of it

[ref]: https://example.com/ref 'Title'
[later]: <https://example.com/later>
[bad]: javascript:alert(1)
`;

const PYTHON = `Here's a table:
| a | b |
|---|---|
| 1 | 2 |
Not a row? It is.

~~~js
const a = \`\`\`\`;
-----
# no heading
~~~

+ plus
+ list

10) ten
11) eleven
- other list
	- tabbed
# Heading right after
text
# Closed heading #
###### Six ######
####### Seven
***bold italic*** and **bold *nested* end** and *a **b** c* \`\` a \` b \`\`
| half | a table
| no delimiter
-
- 
  late
`;

const UNFINISHED = [
  "**bold with no end",
  "```python\nprint(1)\n",
  "| a | b |\n|---|---|\n| 1 | **2",
  "[a](https://example.com",
  "> - `x",
  "$$\nx",
  "1. a\n\n   b\n2.",
];

export const ANSWERS = [
  SORT,
  MATHS,
  NOTES,
  PYTHON,
  "42",
  "",
  "\r\n\r\nCRLF\r\nlines\r\n",
  "emoji 👩‍💻 and \ud83d alone, \u202eright to left",
  ...UNFINISHED,
];
