{# What engines say in different words. PostgreSQL's are the default. #}

{% macro day_of(instant_ms) %}{{ return(adapter.dispatch('day_of', 'longshore')(instant_ms)) }}{% endmacro %}
{% macro default__day_of(instant_ms) %}to_char(to_timestamp(({{ instant_ms }} - {{ instant_ms }} % 86400000) / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD'){% endmacro %}
{% macro duckdb__day_of(instant_ms) %}strftime(make_timestamp(({{ instant_ms }} - {{ instant_ms }} % 86400000) * 1000), '%Y-%m-%d'){% endmacro %}

{% macro href_of(extra) %}{{ return(adapter.dispatch('href_of', 'longshore')(extra)) }}{% endmacro %}
{% macro default__href_of(extra) %}CASE WHEN position('\u0000' IN {{ extra }}) = 0 THEN CAST({{ extra }} AS JSON) -> 'context' ->> 'href' END{% endmacro %}
{% macro duckdb__href_of(extra) %}json_extract_string({{ extra }}, '$.context.href'){% endmacro %}

{% macro page_of(href) %}regexp_replace({{ href }}, '^[A-Za-z]+://([^?#]*?)/*([?#].*)?$', '\1'){% endmacro %}
