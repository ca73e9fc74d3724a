//! Who comes when in a round.

use crate::error::Error;

/// So many contestants by number, one after the other in the order of the round; what each gave, by number.
pub(super) async fn by_turns<T>(
    round: usize,
    count: usize,
    mut turn: impl AsyncFnMut(usize) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut given: Vec<Option<T>> = (0..count).map(|_| None).collect();
    for index in of(round, count) {
        given[index] = Some(turn(index).await?);
    }
    Ok(given.into_iter().flatten().collect())
}

/// So many contestants by number, in an order by chance, another one each round: nobody always comes after the same one.
/// It is the same in every run, so that two runs can be compared.
fn of(round: usize, count: usize) -> Vec<usize> {
    let mut state = round as u64;
    let mut order: Vec<usize> = (0..count).collect();
    // Fisher and Yates.
    for last in (1..count).rev() {
        order.swap(last, (random(&mut state) % (last as u64 + 1)) as usize);
    }
    order
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_once_a_round_and_after_everybody_else_about_as_often() {
        const COUNT: usize = 4;
        const ROUNDS: usize = 6000;
        let mut places = [[0; COUNT]; COUNT];
        let mut followers = [[0; COUNT]; COUNT];
        for round in 0..ROUNDS {
            let order = of(round, COUNT);
            for (place, who) in order.iter().enumerate() {
                places[*who][place] += 1;
            }
            for pair in order.windows(2) {
                followers[pair[0]][pair[1]] += 1;
            }
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        let about = ROUNDS / COUNT - 150..ROUNDS / COUNT + 150;
        assert!(places.iter().flatten().all(|times| about.contains(times)), "{places:?}");
        let others = (0..COUNT).flat_map(|one| (0..COUNT).map(move |other| (one, other)));
        let others = others.filter(|(one, other)| one != other);
        assert!(
            others.into_iter().all(|(one, other)| about.contains(&followers[one][other])),
            "{followers:?}"
        );
        assert_eq!(of(7, 0), [0; 0]);
    }
}
