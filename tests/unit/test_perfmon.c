/* test_perfmon.c - what real logs contain, and what is said about those that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storewatch/perfmon.h"

static char path[] = "/tmp/test_perfmon.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_bytes(const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

#define HEADER "timestamp,a,b\n"
#define U10 "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
#define PDH(bias)                                                                                            \
    "\"(PDH-CSV 4.0) (W. Europe Standard Time)(" bias ")\",\"\\\\EX1\\Process(store)\\Private Bytes\"\r\n"

/* Reads the whole file and writes it out again: a line of names, then "time: value value" lines, then the
 * error. */
static const char *render(const char *bytes, size_t count)
{
    static char storage[1 << 16];
    struct text text = text_on(storage, sizeof(storage));
    write_bytes(bytes, count);
    struct err err = {0};
    struct perfmon *reader = NULL;
    enum status status = perfmon_open(path, &reader, &err);
    if (status != STATUS_OK) {
        assert_null(reader);
        assert_int_equal(err.status, status);
        text_add(&text, "%s", err.text + strlen(path));
        return storage;
    }
    int64_t utc_ms;
    const double *values;
    do {
        for (size_t i = 0; i < perfmon_column_count(reader); i++)
            text_add(&text, "%s[%s]", i > 0 ? " " : "", perfmon_column_get(reader, i)->name);
        text_add(&text, "\n");
        while ((status = perfmon_next(reader, &utc_ms, &values, &err)) == STATUS_OK) {
            text_add_time_utc(&text, utc_ms);
            for (size_t i = 0; i < perfmon_column_count(reader); i++)
                if (reading_known(values[i]))
                    text_add(&text, " %.17g", values[i]);
                else
                    text_add(&text, " ?");
            text_add(&text, "\n");
        }
    } while (status == STATUS_NOT_FOUND && (status = perfmon_next_section(reader, &err)) == STATUS_OK);
    if (status != STATUS_NOT_FOUND) {
        assert_int_equal(status, STATUS_INVALID);
        assert_memory_equal(err.text, path, strlen(path));
        text_add(&text, "%s\n", err.text + strlen(path));
    }
    if (perfmon_skipped_count(reader) > 0)
        text_add(&text, "skipped %" PRIu64 "\n", perfmon_skipped_count(reader));
    perfmon_close(reader);
    assert_false(text.truncated);
    return storage;
}

static const char *read_text(const char *text)
{
    return render(text, strlen(text));
}

struct reader_case {
    const char *file, *expected;
};

static void check(const struct reader_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(read_text(cases[i].file), cases[i].expected);
}

static void plain_csv(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        {HEADER "2026-11-22T03:14:05Z,1,2\n2026-11-22T03:14:06.5Z,3,4\n",
         "[a] [b]\n2026-11-22T03:14:05Z 1 2\n2026-11-22T03:14:06.500Z 3 4\n"},
        {HEADER "1700000000,1,2\n1700000000.250,3,4\n",
         "[a] [b]\n2023-11-14T22:13:20Z 1 2\n2023-11-14T22:13:20.250Z 3 4\n"},
        {"TimeStamp,a\r\n\"2026-11-22 03:14:05\",\"1\"\r\n", "[a]\n2026-11-22T03:14:05Z 1\n"},
        {"\xEF\xBB\xBF\"timestamp\",a\n1,2",
         "[a]\n1970-01-01T00:00:01Z 2\n"},              /* BOM, no newline at the end */
        {"timestamp,a\r\r\n\r\r\n1,\"2\"\r\r\n2,3\r\r", /* written as text twice */
         "[a]\n1970-01-01T00:00:01Z 2\n1970-01-01T00:00:02Z 3\n"},
        {"timestamp,a\r1,\"2\"\r\r2,3\r", /* Excel's "CSV (Macintosh)" */
         "[a]\n1970-01-01T00:00:01Z 2\n1970-01-01T00:00:02Z 3\n"},
        {"timestamp,a\r1,2\r2,x\r",
         "[a]\n1970-01-01T00:00:01Z 2\n:3: column 2 (\"a\"): \"x\" is not a number\n"},
        {"timestamp,a\r", "[a]\n"},
        {HEADER "1,2,3\n,,\n2,4,5\n,,\r\n,,,,\n,,", /* rows that were emptied in a spreadsheet */
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n1970-01-01T00:00:02Z 4 5\n"},
        {"\n\r\ntimestamp,a\n\n1,2\n\n2,3\n\n", "[a]\n1970-01-01T00:00:01Z 2\n1970-01-01T00:00:02Z 3\n"},
        {"timestamp,\"say \"\"hi\"\", you\",,  c \n-1,1,2,3\n",
         "[say \"hi\", you] [(column 3)] [c]\n1969-12-31T23:59:59Z 1 2 3\n"},
        {"timestamp,\"a\" ,\"b\"  \n1,\"2\" ,\"3\" \n", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        {HEADER, "[a] [b]\n"},
        {"timestamp,K\xF6ln\n", "[K\xC3\xB6ln]\n"},     /* ANSI */
        {"timestamp,K\xC3\xB6ln\n", "[K\xC3\xB6ln]\n"}, /* UTF-8 */
        {"timestamp,\xC3\n", "[\xC3\x83]\n"},           /* a character that is cut off is none */
        {"timestamp,\xED\xA0\x80\n", "[\xC3\xAD\xC2\xA0\xE2\x82\xAC]\n"},     /* a surrogate is no UTF-8 */
        {"timestamp,\xE0\x80\x80\n", "[\xC3\xA0\xE2\x82\xAC\xE2\x82\xAC]\n"}, /* nor an overlong form */
        {"timestamp,\x80 \x96 c\x9Cur\xFF\n",                                 /* Windows-1252 */
         "[\xE2\x82\xAC \xE2\x80\x93 c\xC5\x93ur\xC3\xBF]\n"},
        /* no control character of Latin-1, which begins a command to a terminal: not of a code page ("information"
         * in that of Japan), nor in UTF-8 */
        {"timestamp,\x8F\xEE\x95\xF1\x90\n", "[?\xC3\xAE\xE2\x80\xA2\xC3\xB1?]\n"},
        {"timestamp,\xC2\x9B\x33mx\xC2\x80\xC2\xA0\xE2\x82\xAC\xF0\x9F\x98\x80\n",
         "[?3mx?\xC2\xA0\xE2\x82\xAC\xF0\x9F\x98\x80]\n"},
    };
    check(cases, ARRAY_COUNT(cases));
}

static void pdh_csv(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        {PDH("0") "\"11/22/2026 03:14:05.250\",\"1234\"\r\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05.250Z 1234\n"},
        {PDH("-60") "\"11/22/2026 03:14:05.250\",\" \"\r\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T02:14:05.250Z ?\n"},
        {PDH("0") "\"11/22/2026 03:14:05.250\",\"-1\"\r\n", /* could not be read: bytes are never negative */
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05.250Z ?\n"},
        {"\"(PDH-CSV 4.0) (X)(0)\",\"% Processor Time\",\"handles\"\n"
         "\"11/22/2026 03:14:05\",\"1,234\",\"1234,567\"\n"
         "\"11/22/2026 03:14:06\",\"12,5\",\"0,125\"\n",
         "[% Processor Time] [handles]\n2026-11-22T03:14:05Z 1.234 1234.567\n2026-11-22T03:14:06Z 12.5 "
         "0.125\n"},
        {PDH("300") "\"11/22/2026 03:14:05.250\",\"1,5\"\r\n", /* decimal comma */
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T08:14:05.250Z 1.5\n"},
        {"\"(PDH-CSV 4.0)\",\"x\"\n\"1/2/2026 3:14\",\"1\"\n\"01/02/2026 03:14:05\",\"2\"\n", /* typeperf;
                                                                                                 Excel */
         "[x]\n2026-01-02T03:14:00Z 1\n2026-01-02T03:14:05Z 2\n"},
        {PDH("x") "\"11/22/2026 03:14:05.250\",\"1\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05.250Z 1\n"},
        {PDH("1500") "\"11/22/2026 03:14:05.250\",\"1\"\n", /* no zone is further off than a day */
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05.250Z 1\n"},
    };
    check(cases, ARRAY_COUNT(cases));
}

static void values_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *field, *expected;
    } cases[] = {
        {"0", "0"},
        {"-0.5", "-0.5"},
        {"+3", "3"},
        {"\"1.50\"", "1.5"},
        {" 7 ", "7"},
        {"\" 7 \"", "7"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e3", "1000"},
        {"1.5E-2", "0.014999999999999999"},
        {"\"6.9533e+002\"", "695.33000000000004"},
        {"123456789.000000", "123456789"},
        {"9007199254740992", "9007199254740992"},
        {"9007199254740993", "9007199254740992"},
        {"18446744073709551615", "1.8446744073709552e+19"},
        {"0.1", "0.10000000000000001"},
        {"0.036294857103942847", "0.036294857103942847"},
        {"12.345678901234567", "12.345678901234567"},
        {"0.00000000000000000000000000001", "9.9999999999999994e-30"},
        {"", "?"},
        {"\"\"", "?"},
        {"\" \"", "?"},
        {"NaN", "?"},
        {"-nan", "?"},
        {"\"-1.#IND\"", "?"},
        {"1.#QNAN", "?"},
        {"1e-999", "0"},
        {"1e100", "1e+100"},
        {"-1e-101", "0"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char file[160];
        char expected[160];
        snprintf(file, sizeof(file), "timestamp,a,b\n1,%s,1\n2,1,%s\n3,1,%s\r\n", cases[i].field,
                 cases[i].field, cases[i].field);
        snprintf(expected, sizeof(expected),
                 "[a] [b]\n1970-01-01T00:00:01Z %s 1\n1970-01-01T00:00:02Z 1 %s\n1970-01-01T00:00:03Z 1 %s\n",
                 cases[i].expected, cases[i].expected, cases[i].expected);
        assert_string_equal(read_text(file), expected);
    }
}

/* The fast path against strtod, bit by bit, on numbers of every length. */
static void values_are_exact(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252U;
    struct buffer file = {0};
    buffer_add(&file, "timestamp,a\n");
    enum { COUNT = 20000 };
    static double expected[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char number[40];
        size_t length = 0;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        const size_t digits = 1 + seed % 22;
        const size_t point = seed / 32 % 24;
        uint64_t random = seed;
        for (size_t d = 0; d < digits; d++) {
            if (d == point)
                number[length++] = '.';
            random = random * 6364136223846793005U + 1442695040888963407U;
            number[length++] = (char)('0' + (random >> 33) % 10);
        }
        number[length] = '\0';
        expected[i] = strtod(number, NULL);
        buffer_add(&file, i % 2 ? "%d,%s\n" : "%d,\"%s\"\n", i, number);
    }
    write_bytes(file.data, file.length);
    buffer_deinit(&file);
    struct perfmon *reader = NULL;
    assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
    for (int i = 0; i < COUNT; i++) {
        int64_t utc_ms;
        const double *values;
        assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_OK);
        assert_true(utc_ms == i * MS_PER_SECOND);
        assert_memory_equal(&values[0], &expected[i], sizeof(double));
    }
    perfmon_close(reader);
}

static void broken_headers(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        {"", ":1: the file is empty"},
        {"\n\n", ":1: the file is empty"},
        {"timestamp\n1\n", ":1: there is no column beside the time; columns must be parted by commas"},
        {"time;a\n", ":1: the first column is \"time;a\"; it must be \"timestamp\" or \"(PDH-CSV 4.0) ...\", "
                     "columns parted "
                     "by commas (a binary log becomes CSV with: relog LOG.blg -f csv -o LOG.csv)"},
        {"\"timestamp,a\n", ":1: a quote is not closed before the end of the line"},
        {"timestamp,\"a\n", ":1: a quote is not closed before the end of the line"},
        {"timestamp,\"a\"b\n", ":1: a closing quote is followed by something else than a comma"},
        /* what Excel saves where the comma is the decimal point, and relog -f tsv */
        {"\"(PDH-CSV 4.0) (X)(-60)\";\"\\\\EX1\\Memory\\Pages\"\n",
         ":1: a closing quote is followed by a semicolon; columns must be parted by commas"},
        {"\"(PDH-TSV 4.0) (X)(-60)\"\t\"\\\\EX1\\Memory\\Pages\"\n",
         ":1: a closing quote is followed by a tab; columns must be parted by commas"},
        {"(PDH-CSV 4.0) (X)(-60);\\\\EX1\\Memory\\Pages\n",
         ":1: there is no column beside the time; columns must be parted by commas"},
        {"\xFF\xFEt", ":1: the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI"},
        {"\xFE\xFF", ":1: the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI"},
        {"\x1F\x8B\x08", ":1: the file is compressed with gzip: unpack it first"},
        {"PK\3\4", ":1: the file is a workbook or an archive: save it as CSV"},
    };
    check(cases, ARRAY_COUNT(cases));
    assert_string_equal(render("t\0i\0", 4),
                        ":1: the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI");
    assert_string_equal(render("\0t\0i", 4),
                        ":1: the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI");
    assert_string_equal(render("\r\0\n\0\"\0", 6),
                        ":1: the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI");
    /* how a .blg begins: buffers of 4 KiB, 16 KiB (whose second byte is an "@") and 64 KiB */
    static const char *const binary[] = {"\0\x10\0\0..", "\0@\0\0..", "\0\0\1\0.."};
    for (size_t i = 0; i < ARRAY_COUNT(binary); i++) {
        assert_string_equal(render(binary[i], 6),
                            ":1: the file is binary (a binary log becomes CSV with: relog LOG.blg -f csv -o "
                            "LOG.csv)");
    }
    assert_string_equal(render("timestamp,a\0b\n", 14), ":1: a NUL byte: this is not a text file");
}

static void broken_rows(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        {HEADER "1,2,3\n2,x,3\n",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: column 2 (\"a\"): \"x\" is not a number\n"},
        {HEADER "1,2,1e\n", "[a] [b]\n:2: column 3 (\"b\"): \"1e\" is not a number\n"},
        {HEADER "1,2,\xff\x9b\xc2\x9b"
                "3\n",
         "[a] [b]\n:2: column 3 (\"b\"): \"???3\" is not a number\n"},
        {"timestamp,x" U10 U10 U10 U10 U10 U10 "\n1,q\n", /* 121 bytes; cut between two characters */
         "[x" U10 U10 U10 U10 U10 U10 "]\n:2: column 2 (\"x" U10 U10 U10 U10
         "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
         "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc...\"): \"q\" is not a number\n"},
        {HEADER "1,2,--1\n", "[a] [b]\n:2: column 3 (\"b\"): \"--1\" is not a number\n"},
        {HEADER "1,2,1e999\n", "[a] [b]\n:2: column 3 (\"b\"): \"1e999\" is not a number\n"},
        {HEADER "1,2,-1e101\n", "[a] [b]\n:2: column 3 (\"b\"): \"-1e101\" is not a number\n"},
        {HEADER "1,2,inf\n", "[a] [b]\n:2: column 3 (\"b\"): \"inf\" is not a number\n"},
        {HEADER "1,2,0x10\n", "[a] [b]\n:2: column 3 (\"b\"): \"0x10\" is not a number\n"},
        {HEADER "1,2,3 4\n", "[a] [b]\n:2: column 3 (\"b\"): \"3 4\" is not a number\n"},
        {HEADER "1,2,\"1,5\"\n",
         "[a] [b]\n:2: column 3 (\"b\"): \"1,5\" is not a number; write it without separators and "
         "with a decimal point\n"},
        {PDH("0") "\"11/22/2026 03:14:05.250\",\"1,234,567\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n:2: column 2 (\"\\\\EX1\\Process(store)\\Private "
         "Bytes\"): "
         "\"1,234,567\" is not a number; write it without separators and with a decimal point\n"},
        /* no thousandth of a byte, but what a spreadsheet makes of a thousand */
        {PDH("0") "\"11/22/2026 03:14:05.250\",\"987\"\n\"11/22/2026 03:14:06.250\",\"1,234\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05.250Z 987\n:3: column 2 "
         "(\"\\\\EX1\\Process(store)\\Private Bytes\"): "
         "\"1,234\" is not a number; write it without separators and with a decimal point\n"},
        {HEADER "1,2,1111111111111111111111111111111111111111111111111111111111111111111111\n",
         "[a] [b]\n:2: column 3 (\"b\"): "
         "\"111111111111111111111111111111111111111111111111111111111111...\" is not a "
         "number\n"},
        {HEADER "\n1,2\n", "[a] [b]\n:3: the row has 1 values, the header has 2 columns\n"},
        {HEADER "1,2\n2,3,4\n", "[a] [b]\n:2: the row has 1 values, the header has 2 columns\n"},
        {HEADER "1\n2,3,4\n", "[a] [b]\n:2: the row has 0 values, the header has 2 columns\n"},
        {HEADER "1,2,3,4\n", "[a] [b]\n:2: the row has more values than the header has columns (2)\n"},
        {HEADER "1,2,3,\n", "[a] [b]\n:2: the row has more values than the header has columns (2)\n"},
        {HEADER "1,\"2,3\n", "[a] [b]\n:2: a quote is not closed before the end of the line\n"},
        {HEADER "1,\"2\"x,3\n", "[a] [b]\n:2: a closing quote is followed by something else than a comma\n"},
        {HEADER "\"1,2,3\n", "[a] [b]\n:2: a quote is not closed before the end of the line\n"},
        {HEADER "yesterday,2,3\n", "[a] [b]\n:2: \"yesterday\" is not a time; it must be like "
                                   "2026-11-22T03:14:05Z, or seconds since 1970\n"},
        {HEADER "1,2,\x1B[31m3\n", "[a] [b]\n:2: column 3 (\"b\"): \"?[31m3\" is not a number\n"},
        {HEADER "\x1B[31myesterday,2,3\n", "[a] [b]\n:2: \"?[31myesterday\" is not a time; it must be like "
                                           "2026-11-22T03:14:05Z, or seconds since 1970\n"},
        {HEADER ",2,3\n",
         "[a] [b]\n:2: \"\" is not a time; it must be like 2026-11-22T03:14:05Z, or seconds since 1970\n"},
        {HEADER "1700000000000,2,3\n",
         "[a] [b]\n:2: the time 1700000000000 is out of range; it must be in seconds since 1970\n"},
        {HEADER "11/22/2026 03:14:05,2,3\n", "[a] [b]\n:2: \"11/22/2026 03:14:05\" is not a time; it must be "
                                             "like 2026-11-22T03:14:05Z, or seconds since "
                                             "1970\n"},
        {PDH("0") "\"2026-11-22 03:14:05\",\"1\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n:2: \"2026-11-22 03:14:05\" is not a time of the form "
         "MM/DD/YYYY "
         "HH:MM:SS.mmm\n"},
        {PDH("0") "\"13/22/2026 03:14:05\",\"1\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n:2: \"13/22/2026 03:14:05\" is not a time of the form "
         "MM/DD/YYYY "
         "HH:MM:SS.mmm\n"},
        {PDH("0") "\"11/22/2026 03:14:05Z\",\"1\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n:2: \"11/22/2026 03:14:05Z\" is not a time of the form "
         "MM/DD/YYYY "
         "HH:MM:SS.mmm\n"},
    };
    check(cases, ARRAY_COUNT(cases));
    assert_string_equal(render(HEADER "1,2\0,3\n", 14 + 7),
                        "[a] [b]\n:2: a NUL byte: this is not a text file\n");
}

/* A recorder that still writes: wherever its last row ends, the rows before count, and its line is known. */
static void a_last_row_that_is_being_written(void **state)
{
    (void)state;
    static const char whole[] = PDH("-60") "\"11/22/2026 10:00:00.000\",\"5\"\r\n"
                                           "\"11/22/2026 10:00:15.000\",\"123456\"";
    const size_t second = strlen(PDH("-60")) + strlen("\"11/22/2026 10:00:00.000\",\"5\"\r\n");
    for (size_t length = second + 1; length <= strlen(whole); length++) {
        write_bytes(whole, length);
        struct perfmon *reader = NULL;
        int64_t utc_ms;
        const double *values;
        assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
        assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_OK);
        /* After the comma the row is whole: its last value is missing, which is unknown. */
        const bool whole_row = length == strlen(whole) || whole[length - 1] == ',';
        assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL),
                         whole_row ? STATUS_OK : STATUS_NOT_FOUND);
        assert_int_equal(perfmon_unfinished_line(reader), whole_row ? 0 : 3);
        assert_true(!whole_row || length == strlen(whole) || isnan(values[0]));
        perfmon_close(reader);
    }
    const struct reader_case cases[] = {
        {HEADER "1,2,3\n2,", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        {HEADER "1,2,3\n2,4,-", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        {HEADER "1,2,3\n2,4,1.5e", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        {HEADER "1,2,3\n2,4,N", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        {HEADER "1,2", "[a] [b]\n"}, /* just begun */
        /* what is whole is wrong: the newline is there, or the value is not the last thing */
        {HEADER "1,2,3\n2,4,x\n",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: column 3 (\"b\"): \"x\" is not a number\n"},
        {HEADER "1,2,3\n2,x,5",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: column 2 (\"a\"): \"x\" is not a number\n"},
        {HEADER "1,2,3\n2,4,\"x\"",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: column 3 (\"b\"): \"x\" is not a number\n"},
    };
    check(cases, ARRAY_COUNT(cases));
    /* what a machine that went down leaves: the row, or a part of it, and NUL bytes */
    assert_string_equal(render(HEADER "1,2,3\n2,4,5\n\0\0\0\0", strlen(HEADER) + 16),
                        "[a] [b]\n1970-01-01T00:00:01Z 2 3\n1970-01-01T00:00:02Z 4 5\n");
    assert_string_equal(render(HEADER "1,2,3\n2,4\0\0\0\0", strlen(HEADER) + 13),
                        "[a] [b]\n1970-01-01T00:00:01Z 2 3\n");
    assert_string_equal(render(HEADER "1,2,3\n2,4\0\0\n3,5,6\n", strlen(HEADER) + 18),
                        "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: a NUL byte: this is not a text file\n");
}

/* The form of the product's own history: sections of one column. */
static void samples_of_the_history(void **state)
{
    (void)state;
#define HISTORY PERFMON_HISTORY_HEADER "\n"
#define BES(at, mean)                                                                                        \
    "1970-01-01T" at "Z,\"bes\",\"BESAgent.exe\",7,\"private bytes\",1," mean ",9,15000,2,0\n"
    static const struct reader_case cases[] = {
        {HISTORY BES("00:00:15", "4096.5")
             BES("00:00:30", "") "1970-01-01T00:00:15Z,\"host\",\"\",0,\"system commit\",5,6,7,0,1,0\n",
         "[private bytes of bes (BESAgent.exe, pid 7)]\n1970-01-01T00:00:15Z 4096.5\n1970-01-01T00:00:30Z ?\n"
         "[system commit of host]\n1970-01-01T00:00:15Z 6\n"},
        /* a clock that was set back: a little, and further than a log's may */
        {HISTORY BES("02:00:00", "5") BES("01:59:59", "6") BES("00:00:01", "7"),
         "[private bytes of bes (BESAgent.exe, pid 7)]\n1970-01-01T02:00:00Z 5\n"
         "[private bytes of bes (BESAgent.exe, pid 7)]\n1970-01-01T00:00:01Z 7\nskipped 1\n"},
        {HISTORY BES("00:00:15", "5") "1970-01-01T00:00:30Z,\"bes\",\"BESA",
         "[private bytes of bes (BESAgent.exe, pid 7)]\n1970-01-01T00:00:15Z 5\n"},
        {HISTORY, ":1: there is no sample in this history"},
        {HISTORY "1970-01-01T00:00:15Z,\"bes\"\n", ":2: a row of the history has 11 fields"},
        {HISTORY BES("00:00:15", "much"), ":2: column 7 (\"mean\"): \"much\" is not a number"},
        {HISTORY BES("noon", "5"), ":2: \"1970-01-01TnoonZ\" is not a time; it must be like "
                                   "2026-11-22T03:14:05Z, or seconds since 1970"},
    };
    check(cases, ARRAY_COUNT(cases));
    struct perfmon *reader = NULL;
    write_bytes(cases[0].file, strlen(cases[0].file));
    assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
    assert_true(perfmon_is_history(reader));
    assert_int_equal(perfmon_column_get(reader, 0)->unit, UNIT_BYTES);
    const double *values;
    int64_t utc_ms;
    while (perfmon_next(reader, &utc_ms, &values, NULL) == STATUS_OK) {
    }
    assert_int_equal(perfmon_next_section(reader, NULL), STATUS_OK);
    assert_int_equal(perfmon_column_get(reader, 0)->unit, UNIT_BYTES); /* which its name does not tell */
    perfmon_close(reader);
}

static void time_that_runs_backwards(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        /* a row twice, then a clock set back by a few seconds */
        {"timestamp,a\n10,1\n10,2\n25,3\n22,4\n24,5\n26,6\n",
         "[a]\n1970-01-01T00:00:10Z 1\n1970-01-01T00:00:25Z 3\n1970-01-01T00:00:26Z 6\nskipped 3\n"},
        {"timestamp,a\n3700,1\n100,2\n", "[a]\n1970-01-01T01:01:40Z 1\nskipped 1\n"},
        {"timestamp,a\n3700,1\n99,2\n", "[a]\n1970-01-01T01:01:40Z 1\n:3: the time is 1 h before that of the "
                                        "row above: were several logs joined in the "
                                        "wrong order?\n"},
        {"timestamp,a\n864000,1\n0,2\n",
         "[a]\n1970-01-11T00:00:00Z 1\n:3: the time is 10 d before that of the row above: "
         "were several logs joined in the wrong order?\n"},
        /* local time falls back from 03:00 to 02:00: UTC goes on */
        {PDH("-120") "\"10/25/2026 02:59:45.000\",\"1\"\n\"10/25/2026 02:00:00.000\",\"2\"\n\"10/25/2026 "
                     "02:00:15.000\",\"3\"\n\"10/25/2026 03:00:00.000\",\"4\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-25T00:59:45Z 1\n2026-10-25T01:00:00Z 2\n"
         "2026-10-25T01:00:15Z 3\n2026-10-25T02:00:00Z 4\n"},
        /* the same with rows 30, 45 and 60 minutes apart, where the second hour begins less far back */
        {PDH("-120") "\"10/25/2026 02:00:00.000\",\"1\"\n\"10/25/2026 02:30:00.000\",\"2\"\n\"10/25/2026 "
                     "02:00:00.000\",\"3\"\n\"10/25/2026 02:30:00.000\",\"4\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-25T00:00:00Z 1\n2026-10-25T00:30:00Z 2\n"
         "2026-10-25T01:00:00Z 3\n2026-10-25T01:30:00Z 4\n"},
        {PDH("-120") "\"10/25/2026 01:30:00.000\",\"1\"\n\"10/25/2026 02:15:00.000\",\"2\"\n\"10/25/2026 "
                     "02:00:00.000\",\"3\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-24T23:30:00Z 1\n2026-10-25T00:15:00Z 2\n"
         "2026-10-25T01:00:00Z 3\n"},
        {PDH("-120") "\"10/25/2026 01:00:00.000\",\"1\"\n\"10/25/2026 02:00:00.000\",\"2\"\n\"10/25/2026 "
                     "02:00:00.000\",\"3\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-24T23:00:00Z 1\n2026-10-25T00:00:00Z 2\n"
         "2026-10-25T01:00:00Z 3\n"},
        /* at noon it is a row that is there twice */
        {PDH("0") "\"10/25/2026 11:00:00.000\",\"1\"\n\"10/25/2026 12:00:00.000\",\"2\"\n\"10/25/2026 "
                  "12:00:00.000\",\"3\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-25T11:00:00Z 1\n2026-10-25T12:00:00Z 2\n"
         "skipped 1\n"},
        /* set back by less than half an hour: that is a clock, not the season */
        {PDH("0") "\"10/25/2026 02:59:45.000\",\"1\"\n\"10/25/2026 02:40:00.000\",\"2\"\n\"10/25/2026 "
                  "03:00:00.000\",\"4\"\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-25T02:59:45Z 1\n2026-10-25T03:00:00Z 4\nskipped "
         "1\n"},
    };
    check(cases, ARRAY_COUNT(cases));
}

/* What "copy monday.csv+tuesday.csv all.csv" makes: each log's header stands before its rows. */
static void logs_that_were_joined(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        {"timestamp,a\n10,1\ntimestamp,a\n20,2\n", "[a]\n1970-01-01T00:00:10Z 1\n1970-01-01T00:00:20Z 2\n"},
        /* each in the local time that its header tells */
        {PDH("-120") "\"10/25/2026 02:30:00.000\",\"1\"\r\n" PDH(
             "-60") "\"10/25/2026 03:15:00.000\",\"2\"\r\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-10-25T00:30:00Z 1\n2026-10-25T02:15:00Z 2\n"},
        {HEADER "1,2,3\ntimestamp,b,a\n2,3,4\n",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: a header again, with other columns than the first: put "
         "each log into a file of its own\n"},
        {HEADER "1,2,3\ntimestamp,a\n",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: a header again, with other columns than the first: put "
         "each log into a file of its own\n"},
        {HEADER "1,2,3\ntimestamp,a,b,c\n",
         "[a] [b]\n1970-01-01T00:00:01Z 2 3\n:3: a header again, with other columns than the first: put "
         "each log into a file of its own\n"},
        /* the second is still being written */
        {HEADER "1,2,3\ntimestamp,a", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        {HEADER "1,2,3\ntimestamp,a,\"b", "[a] [b]\n1970-01-01T00:00:01Z 2 3\n"},
        /* each with the mark of UTF-8, and with an empty line before its header, as typeperf writes it */
        {"\xEF\xBB\xBF\r\n" PDH("0") "\"11/22/2026 03:14:05.000\",\"1\"\r\n\xEF\xBB\xBF\r\n" PDH(
             "0") "\"11/22/2026 03:14:06.000\",\"2\"\r\n\xEF\xBB\xBF" PDH("0") "\"11/22/2026 "
                                                                               "03:14:07.000\",\"3\"\r\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05Z 1\n2026-11-22T03:14:06Z 2\n"
         "2026-11-22T03:14:07Z 3\n"},
        /* with what typeperf says at the end of each */
        {PDH("0") "\"11/22/2026 03:14:05.000\",\"1\"\r\nThe command completed successfully.\r\n\r\n" PDH(
             "0") "\"11/22/2026 03:14:06.000\",\"2\"\r\nThe command completed successfully.\r\n\x1A",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05Z 1\n2026-11-22T03:14:06Z 2\n"},
    };
    check(cases, ARRAY_COUNT(cases));
}

/* "copy" ends what it joins with Ctrl-Z: no row that is still being written. NUL bytes there are of one that was
 * being written when the machine went down. */
static void what_copy_leaves_at_the_end(void **state)
{
    (void)state;
#define FILE_OF(text) text, sizeof(text) - 1
    static const struct {
        const char *file;
        size_t length;
        uint64_t unfinished;
    } cases[] = {{FILE_OF("timestamp,a\n1,2\n\x1A"), 0},
                 {FILE_OF("timestamp,a\n1,2\n3,4\x1A"), 0},
                 {FILE_OF("timestamp,a\n1,2\n3\x1A"), 3},
                 {FILE_OF("timestamp,a\n1,2\n\0\0"), 3},
                 {FILE_OF("timestamp,a\n1,2\n3,4\0\0"), 3}};
#undef FILE_OF
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct perfmon *reader = NULL;
        int64_t utc_ms;
        const double *values;
        write_bytes(cases[i].file, cases[i].length);
        assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
        while (perfmon_next(reader, &utc_ms, &values, NULL) == STATUS_OK) {
        }
        assert_int_equal(perfmon_unfinished_line(reader), cases[i].unfinished);
        perfmon_close(reader);
    }
    assert_string_equal(read_text("timestamp,a\n1,2\n3,4\x1A"),
                        "[a]\n1970-01-01T00:00:01Z 2\n1970-01-01T00:00:03Z 4\n");
    assert_string_equal(read_text("\x1A"), ":1: the file is empty");
}

/* What typeperf says at its end, in the language of the machine, when its output was sent into a file. */
static void words_after_the_rows(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        {"\r\n" PDH("0") "\"11/22/2026 03:14:05.000\",\"1\"\r\n"
                         "Exiting, please wait...                         \r\n"
                         "The command completed successfully.\r\n\r\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n2026-11-22T03:14:05Z 1\n"},
        /* in the middle they are a mistake */
        {PDH("0") "Exiting, please wait...\r\n\r\n\"11/22/2026 03:14:05.000\",\"1\"\r\n",
         "[\\\\EX1\\Process(store)\\Private Bytes]\n:2: \"Exiting, please wait...\" is not a time of the "
         "form "
         "MM/DD/YYYY HH:MM:SS.mmm\n"},
        {"timestamp,a\n1,2\nThe end\n",
         "[a]\n1970-01-01T00:00:01Z 2\n:3: \"The end\" is not a time; it must be "
         "like 2026-11-22T03:14:05Z, or seconds since 1970\n"},
    };
    check(cases, ARRAY_COUNT(cases));
}

static void units_from_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum unit unit;
    } cases[] = {
        {"\\\\EX1\\Process(store)\\Private Bytes", UNIT_BYTES},
        {"\\\\EX1\\Process(store)\\Working Set", UNIT_BYTES},
        {"\\\\EX1\\Process(store)\\Virtual Bytes", UNIT_BYTES},
        {"\\\\EX1\\Memory\\Committed Bytes", UNIT_BYTES},
        {"\\\\EX1\\Memory\\Commit Limit", UNIT_BYTES}, /* in bytes, though its name does not say so */
        {"heap_bytes", UNIT_BYTES},
        {"Private Bytes", UNIT_BYTES},
        {"\\\\EX1\\Process(store)\\Handle Count", UNIT_HANDLES},
        {"open handles", UNIT_HANDLES},
        {"\\\\EX1\\Memory\\Available MBytes", UNIT_OTHER},
        {"AvailableMBytes", UNIT_OTHER},
        {"Private Bytes (MB)", UNIT_OTHER},
        {"private_bytes_kib", UNIT_OTHER},
        {"Working Set, Megabytes", UNIT_OTHER},
        {"Bytes of MBX1", UNIT_BYTES},
        {"number of bytes", UNIT_BYTES},
        {"\\\\EX1\\Memory\\% Committed Bytes In Use", UNIT_OTHER},
        {"\\\\EX1\\Process(store)\\Thread Count", UNIT_OTHER},
        {"\\\\MEGABYTES\\Process(handles)\\Thread Count", UNIT_OTHER},
        {"\\\\EX1\\Process(MyBytes)\\Handle Count", UNIT_HANDLES},
        {"value", UNIT_OTHER},
        {"", UNIT_OTHER},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(perfmon_unit(cases[i].name), cases[i].unit);
}

/* A file of several blocks, with lines longer than one block among them. */
static void lines_cross_blocks(void **state)
{
    (void)state;
    struct buffer file = {0};
    buffer_add(&file, "timestamp");
    enum { COLUMNS = 3000, ROWS = 60 };
    for (int c = 0; c < COLUMNS; c++)
        buffer_add(&file, ",c%d", c);
    for (int r = 0; r < ROWS; r++) {
        buffer_add(&file, "\r\n%d", r);
        for (int c = 0; c < COLUMNS; c++) {
            buffer_add(&file, ",\"%s%d\"",
                       r % 7 == 0 ? "0000000000000000000000000000000000000000000000000" : "", r * c);
        }
    }
    write_bytes(file.data, file.length);
    buffer_deinit(&file);
    struct perfmon *reader = NULL;
    assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
    assert_int_equal(perfmon_column_count(reader), COLUMNS);
    int64_t utc_ms;
    const double *values;
    for (int r = 0; r < ROWS; r++) {
        assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_OK);
        assert_true(utc_ms == r * MS_PER_SECOND);
        for (int c = 0; c < COLUMNS; c++)
            assert_true(values[c] == r * c);
    }
    assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_NOT_FOUND);
    assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_NOT_FOUND);
    perfmon_close(reader);
}

/* The first block of a file with long lines ends between the CR and the LF of its header. */
static void a_line_end_between_blocks(void **state)
{
    (void)state;
    enum { BLOCK = 256 * 1024 }; /* READ_BYTES */
    struct buffer file = {0};
    buffer_add(&file, "timestamp,");
    while (file.length < BLOCK - 1)
        buffer_add(&file, "x");
    buffer_add(&file, "\r\n1,2\r\n");
    write_bytes(file.data, file.length);
    buffer_deinit(&file);
    struct perfmon *reader = NULL;
    int64_t utc_ms;
    const double *values;
    assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
    assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_OK);
    assert_true(values[0] == 2);
    assert_int_equal(perfmon_next(reader, &utc_ms, &values, NULL), STATUS_NOT_FOUND);
    perfmon_close(reader);
}

static void bounds_of_lines_and_columns(void **state)
{
    (void)state;
    const size_t length = 2 * PERFMON_LINE_MAX;
    char *big = malloc(length);
    assert_non_null(big);
    memset(big, 'x', length);
    assert_string_equal(render(big, length), ":1: the line is longer than 4 MiB: is this a CSV file?");
    memset(big, ',', length);
    static const char first[] = "timestamp";
    memcpy(big, first, sizeof(first) - 1);
    big[9 + PERFMON_COLUMNS_MAX] = '\n';
    write_bytes(big, 9 + PERFMON_COLUMNS_MAX + 1);
    struct perfmon *reader = NULL;
    assert_int_equal(perfmon_open(path, &reader, NULL), STATUS_OK);
    assert_int_equal(perfmon_column_count(reader), PERFMON_COLUMNS_MAX);
    perfmon_close(reader);
    big[9 + PERFMON_COLUMNS_MAX] = ',';
    big[10 + PERFMON_COLUMNS_MAX] = '\n';
    assert_string_equal(render(big, 11 + PERFMON_COLUMNS_MAX), ":1: there are more than 8192 columns");
    free(big);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct perfmon *reader = NULL;
    struct err err = {0};
    assert_int_equal(perfmon_open("/nonexistent/x.csv", &reader, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.text, "/nonexistent/x.csv: cannot be opened: No such file or directory");
    err = (struct err){0};
    assert_int_equal(perfmon_open("/", &reader, &err), STATUS_IO);
    assert_string_equal(err.text, "/: cannot be read: Is a directory");
    assert_null(reader);
    perfmon_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_csv),
        cmocka_unit_test(pdh_csv),
        cmocka_unit_test(values_in_every_form),
        cmocka_unit_test(values_are_exact),
        cmocka_unit_test(broken_headers),
        cmocka_unit_test(broken_rows),
        cmocka_unit_test(a_last_row_that_is_being_written),
        cmocka_unit_test(samples_of_the_history),
        cmocka_unit_test(time_that_runs_backwards),
        cmocka_unit_test(logs_that_were_joined),
        cmocka_unit_test(what_copy_leaves_at_the_end),
        cmocka_unit_test(words_after_the_rows),
        cmocka_unit_test(units_from_names),
        cmocka_unit_test(lines_cross_blocks),
        cmocka_unit_test(a_line_end_between_blocks),
        cmocka_unit_test(bounds_of_lines_and_columns),
        cmocka_unit_test(files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
