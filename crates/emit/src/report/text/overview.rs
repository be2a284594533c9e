//! Every guarantee in one table, the worst level first.

use diagnostics::render::{Ink, columns, wrap};
use prove::{Count, Level, Verdict};

use super::{Detail, Page, Summary, ink, number};

/// In a terminal of at least so many columns the ids of guarantees have a column of their own.
const WIDE: usize = 108;

/// More guarantees without subject than this are only counted.
const MOST_IDS: usize = 12;

impl Page<'_> {
    pub(super) fn overview(&mut self, summary: &Summary) {
        let Some((_, report)) = self.run.judged else { return };
        let with_subject = report.guarantees.iter().filter_map(|checked| Some((checked, checked.verdict()?)));
        let rows: Vec<_> = with_subject
            .map(|(checked, verdict)| (checked, verdict, tally(checked.count(), verdict)))
            .collect();
        let tally_room = rows.iter().map(|(_, _, tally)| columns(tally)).max().unwrap_or(0);
        let id_room = rows.iter().map(|(checked, ..)| columns(checked.guarantee.id)).max().unwrap_or(0) + 2;
        let id_room = if self.style.width >= WIDE { id_room } else { 0 };
        let title_room = self.style.width.saturating_sub(4 + id_room + tally_room + 2).max(24);
        let widest = rows.iter().map(|(checked, ..)| columns(checked.guarantee.title)).max().unwrap_or(0);
        let title_room = title_room.min(widest.max(24));
        for level in [Level::Critical, Level::High, Level::Medium, Level::Low] {
            let rows: Vec<_> = rows.iter().filter(|(checked, ..)| checked.guarantee.level == level).collect();
            if rows.is_empty() {
                continue;
            }
            self.out.push('\n');
            self.line(&self.style.paint(Ink::Dim, level.word()));
            for (checked, verdict, tally) in rows {
                let glyph = self.glyph(*verdict);
                let lines = wrap(checked.guarantee.title, title_room);
                let title_ink = if *verdict == Verdict::Proved { Ink::Plain } else { Ink::Strong };
                let painted = self.style.paint_lines(title_ink, &lines);
                for (at, (plain, title)) in lines.iter().zip(&painted).enumerate() {
                    let gap = title_room.saturating_sub(columns(plain));
                    if at + 1 < lines.len() {
                        let mark = if at == 0 { glyph.clone() } else { " ".into() };
                        self.line(&format!("  {mark} {title}"));
                        continue;
                    }
                    let mark = if at == 0 { glyph.clone() } else { " ".into() };
                    let id = if id_room > 0 {
                        let id = self.style.paint(Ink::Dim, checked.guarantee.id);
                        format!("  {id}{:1$}", "", id_room.saturating_sub(2 + columns(checked.guarantee.id)))
                    } else {
                        String::new()
                    };
                    let lead = tally_room.saturating_sub(columns(tally));
                    let tally = self.style.paint(ink(*verdict), tally);
                    self.line(&format!("  {mark} {title}{:gap$}{id}  {:lead$}{tally}", "", ""));
                }
            }
        }
        if summary.without_subject > 0 {
            let ids = report.guarantees.iter().filter(|checked| checked.verdict().is_none());
            let ids: Vec<_> = ids.map(|checked| checked.guarantee.id).collect();
            self.out.push('\n');
            let text = if ids.len() > MOST_IDS && self.detail != Detail::Every {
                format!("{} more guarantees have nothing here to judge (-v names them)", ids.len())
            } else {
                format!("nothing here to judge: {}", ids.join(", "))
            };
            self.prose(0, Ink::Dim, &text);
        }
    }
}

/// `12` where all subjects have the verdict that the glyph shows, else `3 of 15`.
fn tally(count: Count, verdict: Verdict) -> String {
    let Count { proved, excepted, unknown, violated } = count;
    let all = proved + excepted + unknown + violated;
    let some = match verdict {
        Verdict::Proved => proved,
        Verdict::Excepted => excepted,
        Verdict::Unknown => unknown,
        Verdict::Violated => violated,
    };
    if some == all { number(all) } else { format!("{} of {}", number(some), number(all)) }
}
