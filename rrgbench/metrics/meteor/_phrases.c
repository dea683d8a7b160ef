/* Which n-grams of a running text may be phrases of METEOR's paraphrase table: `ngram_keys` of keys.py and the filter of
 * resources.py in one pass, with the same keys. Only Python's stable interface of 3.11 is used.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* The finalizer of splitmix64. */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

enum { WORDS, LEFT, POWERS, FILTER, STARTS, LENGTHS, KEYS, BUFFERS };

/* Writes what it finds, by place, then length, as long as there is room, and gives how many there are. */
static PyObject *find(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    Py_ssize_t words, most, room, length, at, found = 0;
    const char *wrong = NULL;
    int index;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*w*w*w*", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &b[6]))
        return NULL;
    words = b[WORDS].len / 8;
    most = b[POWERS].len / 8;
    room = b[KEYS].len / 8;
    if (b[LEFT].len != words * 8 || b[STARTS].len != room * 8 || b[LENGTHS].len != room * 8)
        wrong = "arrays differ in length";
    /* so that the low bits of a key are a place in the filter */
    if (b[FILTER].len < 1 || (b[FILTER].len & (b[FILTER].len - 1)))
        wrong = "the filter's length is no power of two";
    if (!wrong) {
        const uint64_t *keys = b[WORDS].buf, *powers = b[POWERS].buf, mask = (uint64_t)b[FILTER].len * 8 - 1;
        const int64_t *left = b[LEFT].buf;
        const uint8_t *filter = b[FILTER].buf;
        int64_t *starts = b[STARTS].buf, *lengths = b[LENGTHS].buf;
        uint64_t *out = b[KEYS].buf;
        Py_BEGIN_ALLOW_THREADS
        for (at = 0; at < words; at++) {
            uint64_t sum = 0;
            for (length = 1; length <= most && length <= left[at] && at + length <= words; length++) {
                uint64_t key, place;
                sum += keys[at + length - 1] * powers[length - 1];
                key = scramble(sum);
                place = key & mask;
                if (!((filter[place >> 3] >> (place & 7)) & 1))
                    continue;
                if (found < room) {
                    starts[found] = at;
                    lengths[found] = length;
                    out[found] = key;
                }
                found++;
            }
        }
        Py_END_ALLOW_THREADS
    }
    for (index = 0; index < BUFFERS; index++)
        PyBuffer_Release(&b[index]);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    return PyLong_FromSsize_t(found);
}

static PyMethodDef methods[] = {
    {"find", find, METH_VARARGS, "N-grams that may be phrases: writes starts, lengths and keys, gives how many."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "rrgbench.metrics.meteor._phrases", "METEOR's look for phrases, compiled.", -1, methods, NULL,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__phrases(void)
{
    return PyModule_Create(&definition);
}
