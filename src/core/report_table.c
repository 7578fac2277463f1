/* report_table.c - the tables of the HTML report: one look for all of them. See report.h. */
#include "report_internal.h"

#include <string.h>

const char *report_severity_class(enum severity severity)
{
    static const char *const names[] = {"information", "warning", "error"};
    return names[severity];
}

/* Of a cell with several lines one that is so short is not broken. */
#define PIECE_MAX 36

static void add_cell_lines(struct buffer *page, const char *words)
{
    const bool several = strchr(words, '\n') != NULL;
    while (*words != '\0') {
        const bool is_short = strcspn(words, "\n") <= PIECE_MAX;
        buffer_add(page, !several ? "" : is_short ? "<p class=\"piece\">" : "<p>");
        words = report_add_escaped_line(page, words);
        buffer_add(page, several ? "</p>" : "");
    }
}

/* A time ("2026-11-22 03:14:05 UTC") or a few short words ("5 min 15 s") stay in one piece. */
static bool is_one_piece(const char *words)
{
    const bool is_time = strspn(words, "0123456789") == 4 && words[4] == '-' && strlen(words) < 24;
    return is_time || strlen(words) <= 12;
}

void report_table_begin(struct report_table *table, struct buffer *page, const char *heading,
                        const char *note, const char *const *columns, size_t column_count, size_t word_column)
{
    *table = (struct report_table){page, columns, column_count, word_column, 0};
    buffer_add(page, "<section class=\"words\">\n<h2>");
    report_add_escaped(page, heading);
    buffer_add(page, "</h2>\n");
    if (note[0] != '\0') {
        buffer_add(page, "<p class=\"muted\">");
        report_add_escaped(page, note);
        buffer_add(page, "</p>\n");
    }
}

static void add_head(const struct report_table *table)
{
    buffer_add(table->page, "<table><thead><tr>");
    for (size_t i = 0; i < table->column_count; i++) {
        buffer_add(table->page, "<th>");
        report_add_escaped(table->page, table->columns[i]);
        buffer_add(table->page, "</th>");
    }
    buffer_add(table->page, "</tr></thead><tbody>\n");
}

void report_table_row(struct report_table *table, const char *const *cells, enum severity severity)
{
    struct buffer *page = table->page;
    if (table->row_count++ == 0)
        add_head(table);
    buffer_add(page, "<tr>");
    for (size_t i = 0; i < table->column_count; i++) {
        buffer_add(page, "<td data-label=\"");
        report_add_escaped(page, table->columns[i]);
        if (i == table->word_column)
            buffer_add(page, "\" class=\"word %s\">", report_severity_class(severity));
        else
            buffer_add(page, is_one_piece(cells[i]) ? "\" class=\"piece\">" : "\">");
        add_cell_lines(page, cells[i]);
        buffer_add(page, "</td>");
    }
    buffer_add(page, "</tr>\n");
}

void report_table_end(struct report_table *table, const char *none)
{
    if (table->row_count > 0) {
        buffer_add(table->page, "</tbody></table>\n");
    } else {
        buffer_add(table->page, "<p class=\"muted\">");
        report_add_escaped(table->page, none != NULL ? none : "None.");
        buffer_add(table->page, "</p>\n");
    }
    buffer_add(table->page, "</section>\n");
}
