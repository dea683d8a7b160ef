/* The longest common subsequence of two lists of words, bit-parallel as in rouge.py (Hyyro, 2004), where a column is a
 * row of 64-bit words instead of one large integer. Only Python's stable interface of 3.11 is used.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BITS 64

static int ones(uint64_t x)
{
    x = x - ((x >> 1) & 0x5555555555555555u);
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int)((x * 0x0101010101010101u) >> 56);
}

/* Whether all are plain strings: another type's own hash could change the list while it is read. */
static int plain(PyObject *words)
{
    Py_ssize_t at;
    for (at = 0; at < PyList_Size(words); at++)
        if (!PyUnicode_CheckExact(PyList_GetItem(words, at))) {
            PyErr_SetString(PyExc_TypeError, "words are strings");
            return 0;
        }
    return 1;
}

/* `next[i]` is the place before i of the same word, `last[word]` its last one; -1 where there is none. */
static int places(PyObject *words, PyObject *numbers, Py_ssize_t *next, Py_ssize_t *last)
{
    Py_ssize_t at, distinct = 0, number;
    for (at = 0; at < PyList_Size(words); at++) {
        PyObject *word = PyList_GetItem(words, at), *known = PyDict_GetItemWithError(numbers, word);
        if (known) {
            number = PyLong_AsSsize_t(known);
            next[at] = last[number];
        } else {
            int failed;
            if (PyErr_Occurred() || !(known = PyLong_FromSsize_t(distinct)))
                return 0;
            failed = PyDict_SetItem(numbers, word, known);
            Py_DECREF(known);
            if (failed)
                return 0;
            number = distinct++;
            next[at] = -1;
        }
        last[number] = at;
    }
    return 1;
}

static PyObject *length(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *first, *second, *numbers = NULL, *result = NULL;
    Py_ssize_t size, other, blocks, at, place, block, *next = NULL, *last = NULL;
    uint64_t *column = NULL, *matches = NULL;
    if (!PyArg_ParseTuple(arguments, "O!O!", &PyList_Type, &first, &PyList_Type, &second))
        return NULL;
    if (!plain(first) || !plain(second))
        return NULL;
    size = PyList_Size(first);
    other = PyList_Size(second);
    blocks = (size + BITS - 1) / BITS;
    next = malloc(((size_t)size + 1) * sizeof *next);
    last = malloc(((size_t)size + 1) * sizeof *last);
    column = malloc(((size_t)blocks + 1) * sizeof *column);
    matches = calloc((size_t)blocks + 1, sizeof *matches);
    numbers = PyDict_New();
    if (!next || !last || !column || !matches) {
        PyErr_NoMemory();
        goto done;
    }
    if (!numbers || !places(first, numbers, next, last))
        goto done;
    memset(column, 0xff, ((size_t)blocks + 1) * sizeof *column);
    for (at = 0; at < other; at++) {
        PyObject *known = PyDict_GetItemWithError(numbers, PyList_GetItem(second, at));
        uint64_t carry = 0;
        if (!known) {
            if (PyErr_Occurred())
                goto done;
            continue;
        }
        for (place = last[PyLong_AsSsize_t(known)]; place >= 0; place = next[place])
            matches[place / BITS] |= (uint64_t)1 << (place % BITS);
        for (block = 0; block < blocks; block++) {
            const uint64_t old = column[block], both = old & matches[block], half = old + both, sum = half + carry;
            carry = (half < old) | (sum < half);
            column[block] = sum | (old & ~matches[block]);
            matches[block] = 0;
        }
    }
    /* a bit that is left is a word outside the subsequence; those beyond the last word are no words */
    place = 0;
    for (block = 0; block < blocks; block++) {
        const Py_ssize_t used = size - block * BITS < BITS ? size - block * BITS : BITS;
        place += ones(~column[block] & (used == BITS ? ~(uint64_t)0 : ((uint64_t)1 << used) - 1));
    }
    result = PyLong_FromSsize_t(place);
done:
    Py_XDECREF(numbers);
    free(next);
    free(last);
    free(column);
    free(matches);
    return result;
}

static PyMethodDef methods[] = {
    {"length", length, METH_VARARGS, "Length of the longest common subsequence of two lists of words."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "rrgbench.metrics._subsequence", "Longest common subsequences, compiled.", -1, methods, NULL,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__subsequence(void)
{
    return PyModule_Create(&definition);
}
