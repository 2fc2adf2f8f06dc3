//! The rules. Each is as narrow as the answers let it be; what it does not cover is a difference.

mod agreed;
mod deleted;
mod expired;
mod flushed;
mod loaded;
mod outside;
mod rolled_back;

use super::{Case, Rule, Then};

const fn stop(because: &'static str, explains: fn(&Case<'_>) -> bool) -> Rule {
    Rule { because, then: Then::Stop, explains }
}

const fn go_on(because: &'static str, explains: fn(&Case<'_>) -> bool) -> Rule {
    Rule { because, then: Then::GoOn, explains }
}

/// Why the sessions may differ after two answers that agree: what comes then is compared until it does.
pub const OF_AGREEMENTS: &[Rule] = &[
    stop("DBFK-02, RB-06", agreed::failed_without_rollback),
    stop("STATE-09", agreed::refused_in_part),
];

/// Why two answers may differ.
pub const OF_DIFFERENCES: &[Rule] = &[
    stop("ORDER-05, ORDER-09", flushed::planned_past),
    stop("ORDER-05, ORDER-09", flushed::refused_later),
    stop("ORDER-13, M2M-07", flushed::deletes_ordered),
    stop("SYNC-07", flushed::key_not_given),
    stop("NULLIFY-06", flushed::refused_beforehand),
    stop("NULLIFY-06", flushed::not_its_key),
    stop("WRITE-06", flushed::deleted_by_null),
    stop("STALE-01", flushed::counted_first),
    stop("STALE-01", flushed::counted_together),
    stop("VERS-03", flushed::version_counted),
    stop("VERS-03", flushed::nothing_to_write),
    stop("VERS-03", flushed::null_onto_null),
    stop("DIRTY-02", flushed::written_again),
    stop("SYNC-04", flushed::same_key_again),
    stop("SYNC-04", flushed::set_to_nobody_outside),
    stop("SYNC-04", flushed::same_key_but_gone),
    stop("ORDER-13", flushed::moved_too_late),
    stop("ORDER-05", flushed::deleted_who_took_the_key),
    stop("BATCH-03", flushed::refused_together),
    stop("PKCHG-01", flushed::key_of_a_deleted_one),
    stop("M2M-11", flushed::counted_several_times),
    stop("BACKREF-10", flushed::two_owners),
    stop("IDMAP-02", flushed::number_given_again),
    stop("IDMAP-02", flushed::missed_by_its_version),
    stop("EXPIRE-03, RB-03", expired::row_not_needed),
    stop("EXPIRE-03", expired::read_to_show),
    stop("EXPIRE-09", expired::lost_by_reading),
    stop("EXPIRE-09", expired::found_gone),
    stop("EXPIRE-09", expired::read_for_its_version),
    stop("EXPIRE-09", expired::merged_anew),
    go_on("WRITE-03", expired::set_before_it_was_read),
    stop("EXPIRE-03, RB-01", expired::flushed_to_read),
    stop("EXPIRE-09", expired::used_though_lost),
    go_on("EXPIRE-09", expired::gone_behind_it),
    stop("EXPIRE-09", expired::changed_though_gone),
    stop("WRITE-03, STATE-11", outside::cannot_load),
    stop("STATE-11", outside::loaded_before_it_left),
    go_on("STATE-11", outside::shown_without_loading),
    stop("STATE-09", outside::still_there),
    stop("STATE-09", outside::deleted_its_row),
    stop("POSTUPD-02", expired::expired_before_its_update),
    stop("STATE-04", outside::deleted_twice),
    stop("STATE-04", outside::in_again_by_a_delete),
    stop("AUTOFL-01", loaded::flushed_by_a_new_list),
    stop("AUTOFL-01", loaded::flushed_to_read_nobody),
    stop("AUTOFL-01", loaded::flushed_to_read_what_was_not_merged),
    go_on("AUTOFL-01", loaded::known_to_be_empty),
    go_on("AUTOFL-01", loaded::known_twice),
    stop("AUTOFL-01", loaded::known_though_gone),
    stop("SYNC-11", loaded::asked_by_the_changed_key),
    stop("SYNC-11", loaded::refused_by_the_changed_key),
    stop("CASC-DEL-01", deleted::flushed_by_a_delete),
    go_on("CASC-DEL-01", deleted::rows_flushed_by_a_delete),
    stop("CASC-DEL-01", deleted::flushed_before_it_left),
    stop("CASC-DEL-01, CASC-DEL-10", deleted::loaded_after_a_flush),
    stop("CASC-DEL-01", deleted::flushed_to_load),
    stop("CASC-DEL-01, NULLIFY-01", deleted::leads_to_the_deleted),
    stop("CASC-DEL-01", deleted::set_to_what_it_was),
    stop("CASC-DEL-01", deleted::expired_with_what_was_loaded),
    stop("CASC-DEL-10", deleted::moved_after_a_delete),
    stop("CASC-DEL-01", deleted::let_go_of_after_a_delete),
    stop("CASC-DEL-01", deleted::asked_again),
    stop("CASC-ORPH-18", deleted::held_by_another),
    stop("CASC-DEL-09", deleted::taken_back),
    stop("CASC-DEL-01", deleted::refused_after_a_delete),
    stop("CASC-DEL-01", deleted::in_the_way),
    stop("CASC-DEL-01", deleted::read_by_a_delete),
    stop("CASC-DEL-01", deleted::changed_what_was_loaded),
    go_on("CASC-DEL-01, STATE-11", deleted::not_loaded_by_a_delete),
    go_on("CASC-DEL-21", deleted::still_in_the_list),
    go_on("NULLIFY-01", deleted::shows_who_was_deleted),
    stop("CASC-DEL-21", deleted::deleted_once_more),
    stop("DIRTY-01", deleted::orphan_once_touched),
    stop("BACKREF-05", expired::let_go_of_though_refreshed),
    go_on("BACKREF-05", expired::goes_on_to_show),
    go_on("DIRTY-02", loaded::former_unknown),
    stop("DIRTY-02, CASC-ORPH-22", loaded::is_the_one),
    go_on("DIRTY-02", loaded::former_list_unknown),
    stop("DIRTY-02", loaded::set_to_the_one_that_goes),
    stop("DIRTY-02", loaded::kept_by_a_merge),
    stop("DIRTY-02", loaded::orphan_of_an_unknown),
    go_on("DIRTY-02", loaded::read_by_a_merge),
    go_on("CASC-DEL-01, DIRTY-02", loaded::former_found_by_a_delete),
    stop("RB-06", rolled_back::refuses_all_use),
    stop("RB-01", rolled_back::kept_and_refused),
    stop("RB-01", rolled_back::kept_and_found),
    stop("RB-01", rolled_back::kept_numbers),
    stop("RB-01", rolled_back::kept_and_inserted),
    stop("RB-01, RB-04", rolled_back::deleted_though_new),
    stop("RB-01", rolled_back::merged_onto_what_was_kept),
    stop("RB-01, POSTUPD-01", rolled_back::left_over),
    go_on("RB-03", rolled_back::known_after_a_rollback),
    stop("NULLIFY-01", rolled_back::came_along_again),
    stop("BACKREF-05", rolled_back::not_brought_by_a_queue),
    go_on("RB-04, CASC-DEL-01", loaded::another_of_the_row),
    stop("RB-04", rolled_back::never_had_the_row),
    stop("RB-06", rolled_back::still_called_deleted),
    stop("ROWSW-02", rolled_back::switched_in_part),
];

#[cfg(test)]
mod tests;
