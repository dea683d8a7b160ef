/* The beam search of alignment.py, pair by pair, in integers only: the same matches as the search in NumPy, which
 * stands in where this file could not be compiled. Only Python's stable interface of 3.11 is used, so that one wheel a
 * platform serves all later versions. The docstring of alignment.py says what is searched and why ties fall as they do.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WIDTH 1024

typedef struct {
    int64_t rank;
    int64_t open_end;
    int64_t busy_until;
    int64_t match;
    int32_t parent;
    int32_t slot; /* where its bits lie */
} Partial;

/* Names and numbers as in alignment.py: `Steps`, matches, and what one batch packs its ranks with. */
typedef struct {
    const int64_t *base, *counts, *begin, *rank;
    const int64_t *position, *first, *branches, *enter, *leave;
    const uint8_t *stretch;
    const int64_t *start1, *end1, *end2, *gain, *distance;
    const int64_t *bits;
    int64_t pairs, matches, words, width, chunk, none;
} Problem;

/* What one pair needs to find its way back: for each step the survivors' parents and the matches they took. */
typedef struct {
    int32_t *parents;
    int64_t *taken;
} Trail;

/* A child before it is known to survive: which branch of which row it takes, -1 for none. */
typedef struct {
    int64_t rank;
    int32_t row, branch;
} Child;

/* Keep the `width` lowest ranks, of equals the first found. */
static int64_t insert(Child *kept, int64_t count, int64_t width, int64_t rank, int64_t row, int64_t branch)
{
    int64_t at;
    if (count == width) {
        if (rank >= kept[count - 1].rank)
            return count;
        count--;
    }
    for (at = count; at > 0 && kept[at - 1].rank > rank; at--)
        kept[at] = kept[at - 1];
    kept[at].rank = rank;
    kept[at].row = (int32_t)row;
    kept[at].branch = (int32_t)branch;
    return count + 1;
}

static int64_t step(const Problem *p, int64_t at, const Partial *old, int64_t count, const int64_t *used, Child *kept,
                    Partial *new)
{
    int64_t found = 0, row, branch, word, most = 0;
    const int64_t first = p->first[at];
    for (branch = 0; branch < p->branches[at]; branch++)
        if (p->gain[first + branch] > most)
            most = p->gain[first + branch];
    for (row = 0; row < count; row++) {
        const Partial *from = &old[row];
        const int64_t *own = used + from->slot * p->words;
        const int busy = from->busy_until > p->position[at];
        const int64_t branches = busy ? 0 : p->branches[at];
        int64_t passed = 0;
        /* rows come by rank, and nothing else than a gain lowers it: no child of this row or of later ones survives */
        if (found == p->width && from->rank - most >= kept[found - 1].rank)
            break;
        for (branch = 0; branch < branches; branch++) {
            const int64_t match = first + branch;
            int64_t clash = own[0] & p->bits[match], rank = from->rank + passed - p->gain[match];
            for (word = 1; word < p->words; word++)
                clash |= own[word] & p->bits[word * p->matches + match];
            if (clash)
                continue;
            if (from->open_end != p->none && p->start1[match] != from->open_end)
                rank += p->chunk;
            found = insert(kept, found, p->width, rank, row, branch);
            passed += p->distance[match];
        }
        found = insert(kept, found, p->width,
                       from->rank + passed + (from->open_end != p->none && !busy ? p->chunk : 0), row, -1);
    }
    for (row = 0; row < found; row++) {
        const Partial *from = &old[kept[row].row];
        const int takes = kept[row].branch >= 0, busy = from->busy_until > p->position[at];
        const int64_t match = takes ? first + kept[row].branch : p->none;
        new[row].rank = kept[row].rank;
        new[row].open_end = takes ? p->end1[match] : busy ? from->open_end : p->none;
        new[row].busy_until = takes ? p->end2[match] : from->busy_until;
        new[row].match = match;
        new[row].parent = kept[row].row;
    }
    return found;
}

/* Words without an open match change the order once, at their first word. */
static void pass_stretch(const Problem *p, int64_t at, Partial *rows, int64_t count)
{
    int64_t row, place;
    for (row = 0; row < count; row++) {
        Partial one = rows[row];
        if (one.open_end != p->none && p->enter[at] != one.open_end)
            one.rank += p->chunk;
        one.open_end = p->leave[at];
        for (place = row; place > 0 && rows[place - 1].rank > one.rank; place--)
            rows[place] = rows[place - 1];
        rows[place] = one;
    }
}

static void search_pair(const Problem *p, int64_t pair, Child *kept, Partial *rows[2], int64_t *used[2], Trail *trail,
                        uint8_t *chosen)
{
    const int64_t steps = p->counts[pair];
    int64_t count = 1, index, row, word, best = 0, best_rank = 0;
    Partial *old = rows[0], *new = rows[1], *swap;
    int64_t *old_used = used[0], *new_used = used[1], *swap_used;
    memset(old_used, 0, (size_t)p->words * sizeof *old_used);
    memset(old, 0, sizeof *old);
    old->rank = p->rank[pair];
    old->open_end = p->begin[pair];
    for (index = 0; index < steps; index++) {
        const int64_t at = p->base[pair] + index;
        const int64_t found = step(p, at, old, count, old_used, kept, new);
        if (p->stretch[at])
            pass_stretch(p, at, new, found);
        for (row = 0; row < found; row++) {
            const Partial *one = &new[row];
            const int64_t *source = old_used + old[one->parent].slot * p->words;
            int64_t *target = new_used + row * p->words;
            for (word = 0; word < p->words; word++)
                target[word] =
                    source[word] | (one->match == p->none ? 0 : p->bits[word * p->matches + one->match]);
            new[row].slot = (int32_t)row;
            trail->parents[index * p->width + row] = one->parent;
            trail->taken[index * p->width + row] = one->match;
        }
        count = found;
        swap = old, old = new, new = swap;
        swap_used = old_used, old_used = new_used, new_used = swap_used;
    }
    for (row = 0; row < count; row++) {
        const int64_t rank = old[row].rank + (old[row].open_end != p->none ? p->chunk : 0);
        if (row == 0 || rank < best_rank) {
            best = row;
            best_rank = rank;
        }
    }
    for (index = steps - 1; index >= 0; index--) {
        const int64_t match = trail->taken[index * p->width + best];
        if (match != p->none)
            chosen[match] = 1;
        best = trail->parents[index * p->width + best];
    }
}

static int search_all(const Problem *p, uint8_t *chosen)
{
    int64_t pair, most = 0, failed = 1;
    Partial *rows[2] = {NULL, NULL};
    int64_t *used[2] = {NULL, NULL};
    Trail trail = {NULL, NULL};
    Child *kept;
    const size_t width = (size_t)p->width, words = (size_t)(p->words > 0 ? p->words : 1);
    for (pair = 0; pair < p->pairs; pair++)
        if (p->counts[pair] > most)
            most = p->counts[pair];
    kept = malloc(width * sizeof *kept);
    rows[0] = malloc(width * sizeof(Partial));
    rows[1] = malloc(width * sizeof(Partial));
    used[0] = malloc(width * words * sizeof(int64_t));
    used[1] = malloc(width * words * sizeof(int64_t));
    trail.parents = malloc(((size_t)most * width + 1) * sizeof *trail.parents);
    trail.taken = malloc(((size_t)most * width + 1) * sizeof *trail.taken);
    if (kept && rows[0] && rows[1] && used[0] && used[1] && trail.parents && trail.taken) {
        for (pair = 0; pair < p->pairs; pair++)
            search_pair(p, pair, kept, rows, used, &trail, chosen);
        failed = 0;
    }
    free(kept);
    free(rows[0]);
    free(rows[1]);
    free(used[0]);
    free(used[1]);
    free(trail.parents);
    free(trail.taken);
    return (int)failed;
}

enum { BASE, COUNTS, BEGIN, RANK, POSITION, FIRST, BRANCHES, STRETCH, ENTER, LEAVE, START1, END1, END2, GAIN, DISTANCE,
       BITS, CHOSEN, BUFFERS };

static PyObject *search(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    Problem p;
    long long width, chunk, none;
    int index, failed = 1;
    int64_t pair, steps;
    const char *wrong = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*y*y*y*y*y*y*y*y*y*y*w*LLL", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
                          &b[6], &b[7], &b[8], &b[9], &b[10], &b[11], &b[12], &b[13], &b[14], &b[15], &b[16], &width,
                          &chunk, &none))
        return NULL;
    p.pairs = b[BASE].len / 8;
    p.matches = b[CHOSEN].len;
    steps = b[STRETCH].len;
    p.words = p.matches ? b[BITS].len / 8 / p.matches : 0;
    p.width = width;
    p.chunk = chunk;
    p.none = none;
    p.base = b[BASE].buf, p.counts = b[COUNTS].buf, p.begin = b[BEGIN].buf, p.rank = b[RANK].buf;
    p.position = b[POSITION].buf, p.first = b[FIRST].buf, p.branches = b[BRANCHES].buf;
    p.stretch = b[STRETCH].buf, p.enter = b[ENTER].buf, p.leave = b[LEAVE].buf;
    p.start1 = b[START1].buf, p.end1 = b[END1].buf, p.end2 = b[END2].buf;
    p.gain = b[GAIN].buf, p.distance = b[DISTANCE].buf, p.bits = b[BITS].buf;
    for (index = BASE; index <= RANK; index++)
        if (b[index].len != p.pairs * 8)
            wrong = "arrays of pairs differ in length";
    for (index = POSITION; index <= LEAVE; index++)
        if (b[index].len != steps * (index == STRETCH ? 1 : 8))
            wrong = "arrays of steps differ in length";
    for (index = START1; index <= DISTANCE; index++)
        if (b[index].len != p.matches * 8)
            wrong = "arrays of matches differ in length";
    if (b[BITS].len != p.words * p.matches * 8 || width < 1 || width > MOST_WIDTH)
        wrong = "bits or width don't fit";
    for (pair = 0; pair < p.pairs && !wrong; pair++)
        if (p.counts[pair] < 0 || p.base[pair] < 0 || p.base[pair] + p.counts[pair] > steps)
            wrong = "a pair has steps that are not there";
    for (index = 0; index < steps && !wrong; index++)
        if (p.first[index] < 0 || p.branches[index] < 0 || p.first[index] + p.branches[index] > p.matches)
            wrong = "a step has matches that are not there";
    if (!wrong) {
        Py_BEGIN_ALLOW_THREADS
        failed = search_all(&p, b[CHOSEN].buf);
        Py_END_ALLOW_THREADS
    }
    for (index = 0; index < BUFFERS; index++)
        PyBuffer_Release(&b[index]);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"search", search, METH_VARARGS, "Mark in `chosen` the matches that the best alignment of each pair takes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "rrgbench.metrics.meteor._beam", "METEOR's beam search, compiled.", -1, methods, NULL, NULL,
    NULL, NULL,
};

PyMODINIT_FUNC PyInit__beam(void)
{
    return PyModule_Create(&definition);
}
