"""The class of every function of DuckDB: SQL of a project may call `pure` ones, and `ordered` with an order.

A test compares the lists with DuckDB's catalog. A function that a new version adds has no class, and is not
allowed until it is added here.
"""

import re
from enum import StrEnum


class FunctionClass(StrEnum):
    """What the result of a function depends on."""

    PURE = "pure"
    """Its arguments alone."""
    ORDERED = "ordered"
    """The order of the rows, unless it has an order of its own."""
    CLOCK = "clock"
    RANDOM = "random"
    """Chance, or the number of threads."""
    SETTINGS = "settings"
    """Settings, variables and secrets, or the session."""
    CATALOG = "catalog"
    """The tables and functions that DuckDB knows."""
    FILES = "files"
    SQL = "sql"
    """SQL from a text, which the rules can't see."""
    EFFECT = "effect"
    """It changes a state, or takes time."""
    INTERNAL = "internal"
    """DuckDB calls it; no documentation describes it."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPERATORS = _names(
    """
    != !__postfix !~~ !~~* % & && * ** + - ->> / // < <-> << <= <=> <@ = > >= >> @ @> ^ ^@ | || ~ ~~ ~~*
    ~~~
    """
) | {"is distinct from", "is not distinct from"}
_SORT_KEYS = re.compile(r"(icu_)?collate_[a-z_]{2,9}")
"""Sort keys of texts, one function a language."""
_INTERNAL = re.compile(r"__internal_\w+")
_EXPRESSIONS = {
    FunctionClass.PURE: _names(
        """
        abs acos acosh add age aggregate alias apply approx_count_distinct arg_max arg_max_null
        arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array_aggr array_aggregate
        array_append array_apply array_cat array_concat array_contains array_cosine_distance
        array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product
        array_extract array_filter array_grade_up array_has array_has_all array_has_any array_indexof
        array_inner_product array_intersect array_length array_negative_dot_product
        array_negative_inner_product array_pop_back array_pop_front array_position array_prepend
        array_push_back array_push_front array_reduce array_resize array_reverse array_reverse_sort
        array_select array_slice array_sort array_to_json array_to_string array_to_string_comma_default
        array_transform array_unique array_value array_where array_zip ascii asin asinh assert_true atan
        atan2 atanh avg bar base64 bin binom bit_and bit_count bit_length bit_or bit_position bit_xor
        bitstring bitstring_agg bool_and bool_or can_cast_implicitly cardinality cast_to_type cbrt ceil
        ceiling century char_length character_length chr concat concat_ws contains corr cos cosh cot count
        count_if count_star countif covar_pop covar_samp cume_dist damerau_levenshtein date_add date_diff
        date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek
        dayofyear days_in_month decade decimal_average decimal_division decode degrees dense_rank divide
        editdist3 element_at encode ends_with entropy enum_code enum_first enum_last enum_range
        enum_range_boundary epoch epoch_ms epoch_ns epoch_us equi_width_bins era error even exp factorial
        favg fdiv filter flatten floor fmod format format_bytes formatreadabledecimalsize formatreadablesize
        from_base64 from_binary from_hex from_json from_json_strict fsum gamma gcd generate_series
        generate_subscripts geomean geometric_mean get_bit get_type grade_up greatest
        greatest_common_divisor hamming hash hex histogram histogram_exact hive_partition_component hour
        icu_sort_key if ilike_escape instr invoke is_histogram_other_bin isfinite isinf isnan isodow isoyear
        jaccard jaro_similarity jaro_winkler_similarity json json_array json_array_length json_contains
        json_deep_merge json_exists json_extract json_extract_path json_extract_path_text
        json_extract_string json_insert json_keys json_merge_patch json_merge_patch_diff json_normalize
        json_object json_pretty json_quote json_remove json_replace json_set json_strip_nulls json_structure
        json_transform json_transform_strict json_type json_valid json_value julian kahan_sum kurtosis
        kurtosis_pop last_day lcase lcm least least_common_multiple left left_grapheme len length
        length_grapheme levenshtein lgamma like_escape list_aggr list_aggregate list_any_value list_append
        list_apply list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and
        list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity
        list_count list_distance list_distinct list_dot_product list_element list_entropy list_extract
        list_filter list_first list_grade_up list_has list_has_all list_has_any list_histogram list_indexof
        list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad list_max
        list_median list_min list_mode list_negative_dot_product list_negative_inner_product list_pack
        list_position list_prepend list_product list_reduce list_resize list_reverse list_reverse_sort
        list_select list_sem list_skewness list_slice list_sort list_stddev_pop list_stddev_samp
        list_string_agg list_sum list_transform list_unique list_value list_var_pop list_var_samp list_where
        list_zip ln log log10 log2 lower lpad ltrim mad make_date make_time make_timestamp make_timestamp_ms
        make_timestamp_ns make_timestamptz make_type map map_concat map_contains map_contains_entry
        map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys map_values
        max max_by md5 md5_number md5_number_lower md5_number_upper mean median microsecond millennium
        millisecond min min_by minute mismatches mod month monthname multiply nanosecond nextafter
        nfc_normalize normalized_interval not_ilike_escape not_like_escape nullif octet_length ord overlay
        parse_dirname parse_dirpath parse_filename parse_formatted_bytes parse_path path_join percent_rank
        pg_size_pretty pg_typeof pi position pow power prefix printf product quantile quantile_cont
        quantile_disc quarter radians range rank rank_dense reduce regexp_escape regexp_extract
        regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array
        regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
        regr_sxy regr_syy repeat replace reverse right right_grapheme round round_even roundbankers row
        row_to_json rpad rtrim second sem set_bit sha1 sha256 sign signbit sin sinh skewness split
        split_part sqrt st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_crs st_geomfromgeojson
        st_geomfromwkb st_intersects_extent st_setcrs starts_with stddev stddev_pop stddev_samp str_split
        str_split_regex strftime string_split string_split_regex string_to_array strip_accents strlen strpos
        strptime struct_concat struct_contains struct_extract struct_extract_at struct_has struct_indexof
        struct_insert struct_keys struct_pack struct_position struct_update struct_values substr substring
        substring_grapheme subtract suffix sum sumkahan switch tan tanh time_bucket timezone timezone_hour
        timezone_minute to_base to_base64 to_binary to_centuries to_days to_decades to_hex to_hours to_json
        to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds
        to_timestamp to_weeks to_years translate trim trunc try_strptime typeof ucase unbin unhex unicode
        union_extract union_tag union_value unnest unpivot_list upper url_decode url_encode
        uuid_extract_timestamp uuid_extract_version var_pop var_samp variance variant_array_length
        variant_contains variant_exists variant_extract variant_extract_string variant_keys
        variant_normalize variant_type variant_typeof vertex_extract wavg week weekday weekofyear
        weighted_avg xor year yearweek
        """
    ),
    FunctionClass.ORDERED: _names(
        """
        any_value arbitrary array_agg fill first first_value group_concat json_group_array json_group_object
        json_group_structure lag last last_value lead list listagg lttb mode nth_value ntile row_number
        string_agg variant_group_array variant_group_object
        """
    ),
    FunctionClass.CLOCK: _names(
        """
        ago current_date current_localtime current_localtimestamp get_current_time get_current_timestamp now
        pg_conf_load_time pg_postmaster_start_time today transaction_timestamp
        """
    ),
    FunctionClass.RANDOM: _names(
        """
        approx_quantile approx_top_k gen_random_uuid random reservoir_quantile uuid uuidv4 uuidv7
        """
    ),
    FunctionClass.SETTINGS: _names(
        """
        current_catalog current_connection_id current_database current_query current_query_id current_role
        current_schema current_schemas current_setting current_transaction_id current_user getvariable
        has_any_column_privilege has_column_privilege has_database_privilege
        has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
        has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
        has_tablespace_privilege in_search_path inet_client_addr inet_client_port inet_server_addr
        inet_server_port pg_collation_is_visible pg_conversion_is_visible pg_function_is_visible pg_has_role
        pg_is_other_temp_schema pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible
        pg_opfamily_is_visible pg_table_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible
        pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible session_user txid_current user
        version
        """
    ),
    FunctionClass.CATALOG: _names(
        """
        col_description format_pg_type format_type get_block_size map_to_pg_oid obj_description
        pg_get_constraintdef pg_get_expr pg_get_viewdef shobj_description
        """
    ),
    FunctionClass.SQL: _names(
        """
        json_deserialize_sql json_serialize_plan json_serialize_sql
        """
    ),
    FunctionClass.EFFECT: _names(
        """
        currval nextval pg_sleep setseed setval sleep_ms write_log
        """
    ),
    FunctionClass.INTERNAL: _names(
        """
        __between __cast bitstring_byte_comparable combine combine_aggr constant_or_null create_sort_key
        finalize index_key json_copy_strftime_if_date json_copy_strftime_if_timestamp
        parse_duckdb_log_message remap_struct replace_type stats sum_no_overflow timetz_byte_comparable
        to_aggregate_state variant_bytes_to_variant variant_comparator variant_to_parquet_variant
        vector_type
        """
    ),
}

_TABLES = {
    FunctionClass.PURE: _names(
        """
        generate_series json_each json_tree range repeat repeat_row unnest
        """
    ),
    FunctionClass.CLOCK: _names(
        """
        pg_timezone_names
        """
    ),
    FunctionClass.SETTINGS: _names(
        """
        duckdb_available_metrics duckdb_optimizers duckdb_profiling_settings duckdb_secret_type_parameters
        duckdb_secret_types duckdb_secrets duckdb_settings duckdb_variables icu_calendar_names
        pragma_platform pragma_user_agent pragma_version which_secret
        """
    ),
    FunctionClass.CATALOG: _names(
        """
        duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
        duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_dialects
        duckdb_eviction_queues duckdb_extension_repositories duckdb_extensions duckdb_external_file_cache
        duckdb_external_resource_types duckdb_external_resources duckdb_functions duckdb_grammar_extensions
        duckdb_indexes duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_logs_parsed duckdb_memory
        duckdb_prepared_statements duckdb_schemas duckdb_sequences duckdb_table_sample duckdb_tables
        duckdb_temporary_files duckdb_triggers duckdb_types duckdb_views pragma_collations
        pragma_database_size pragma_metadata_info pragma_show pragma_storage_info pragma_table_info
        """
    ),
    FunctionClass.FILES: _names(
        """
        glob parquet_bloom_probe parquet_file_metadata parquet_full_metadata parquet_kv_metadata
        parquet_metadata parquet_scan parquet_schema read_blob read_csv read_csv_auto read_duckdb read_json
        read_json_auto read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto
        read_ndjson_objects read_parquet read_single_csv_file read_single_json_file read_single_parquet_file
        read_text sniff_csv
        """
    ),
    FunctionClass.SQL: _names(
        """
        histogram histogram_values json_execute_serialized_sql query query_table
        """
    ),
    FunctionClass.EFFECT: _names(
        """
        checkpoint create_external_resource deregister_external_resource destroy_external_resource
        disable_logging disable_profiling enable_logging enable_profiling force_checkpoint
        register_external_resource register_external_resource_type truncate_duckdb_logs
        """
    ),
    FunctionClass.INTERNAL: _names(
        """
        arrow_scan arrow_scan_dumb pandas_scan python_arrow_scan python_map_function seq_scan summary
        test_all_types test_vector_types
        """
    ),
}
"""Functions in FROM."""
LISTED = (_EXPRESSIONS, _TABLES)


def function_class(name: str) -> FunctionClass | None:
    """The class of a function of expressions, by its name in lower case; None if it has none."""
    if name in _OPERATORS or _SORT_KEYS.fullmatch(name):
        return FunctionClass.PURE
    if _INTERNAL.fullmatch(name):
        return FunctionClass.INTERNAL
    return next((kind for kind, names in _EXPRESSIONS.items() if name in names), None)


def table_function_class(name: str) -> FunctionClass | None:
    """The class of a function in FROM, by its name in lower case; None if it has none."""
    return next((kind for kind, names in _TABLES.items() if name in names), None)
