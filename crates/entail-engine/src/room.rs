//! Room in lists that grow.

/// From so many entries on a list grows by more than twice.
const MANY: usize = 256;

/// From so many on it only doubles again, so that room that is never used stays within bounds.
const TOO_MANY: usize = 65_536;

/// How much longer a list of many becomes.
const FACTOR: usize = 8;

/// For how many more a list makes room if it is full and so many come. One of many is moved less often
/// than if it doubled, and memory that is not written yet costs nothing.
#[inline]
pub(crate) fn for_more(len: usize, coming: usize) -> usize {
    match len {
        len if len < MANY => coming,
        len if len < TOO_MANY => coming.max(len * (FACTOR - 1)),
        len => coming.max(len),
    }
}

/// For how many more a full list of many makes room when one more comes; 0 for any other.
#[inline]
pub(crate) fn additional<T>(list: &Vec<T>) -> usize {
    let len = list.len();
    if len < list.capacity() || len < MANY { 0 } else { for_more(len, 1) }
}

#[inline]
fn for_one_more<T>(list: &mut Vec<T>) {
    let additional = additional(list);
    if additional > 0 {
        list.reserve(additional);
    }
}

/// Appends to a list that may become long.
#[inline]
pub(crate) fn push<T>(list: &mut Vec<T>, one: T) {
    for_one_more(list);
    list.push(one);
}

/// Appends what `make` makes, in its place at the end of the list. What is put together elsewhere, of
/// parts of several sizes, is copied as a whole, and the processor waits until all parts are there.
#[inline(always)] // Not inlined, the parts would be put together in memory all the same.
pub(crate) fn push_with<T>(list: &mut Vec<T>, make: impl FnMut() -> T) {
    for_one_more(list);
    list.resize_with(list.len() + 1, make);
}

/// Fills a list up to so many entries.
#[inline]
pub(crate) fn fill<T>(list: &mut Vec<T>, len: usize, with: impl FnMut() -> T) {
    if list.len() < len {
        for_one_more(list);
        list.resize_with(len, with);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_grows_by_more_than_twice_and_a_very_long_one_does_not() {
        let mut list = Vec::with_capacity(MANY);
        (0..=MANY).for_each(|one| push(&mut list, one));
        assert_eq!(list.capacity(), FACTOR * MANY);
        let mut list = Vec::new();
        fill(&mut list, TOO_MANY, || 0u8);
        list.shrink_to_fit();
        let full = list.capacity();
        push(&mut list, 1);
        assert_eq!(list.capacity(), 2 * full);
    }
}
